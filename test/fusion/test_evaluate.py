import csv

import cv2
import numpy as np
import pytest

from fer_fusion_ros.commands.main import main
from fer_fusion_ros.fusion.evaluate import (
    evaluate,
    face_table,
    mean_table,
    report,
    with_baselines,
)
from fer_fusion_ros.fusion.metrics import METRICS
from fer_fusion_ros.fusion.pairs import Pair


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    return [
        Pair(name, source, *(rng.integers(0, 256, (2, 50, 60), np.uint8)))
        for name, source in (('one', 'near'), ('two', 'near'), ('three', 'far'))
    ]


def test_one_row_per_method_and_pair_and_the_best_in_bold(pairs):
    done = []
    methods = {'infrared': lambda ir, vis: ir, 'black': lambda ir, vis: np.zeros_like(ir)}
    rows = evaluate(methods, pairs, done.append)
    assert len(rows) == len(done) == 6
    assert set(rows[0]) == {'method', 'source', 'pair', *METRICS}
    table = mean_table(rows).splitlines()
    assert table[2].count('**') == 2 * len(METRICS)
    assert table[3].startswith('| black | 0.000 | 0.000 |')
    text = report(rows)
    assert 'All 3 pairs' in text
    assert 'far, 1 pairs' in text
    assert 'near, 2 pairs' in text


def test_the_network_stands_after_the_baselines():
    methods = with_baselines('ours', lambda ir, vis: ir)
    assert list(methods)[-1] == 'ours'
    assert {'average', 'maximum', 'laplacian pyramid', 'wavelet'} < set(methods)


def test_faces_by_daylight_and_in_the_dark():
    rng = np.random.default_rng(0)
    faces = cv2.GaussianBlur(rng.integers(0, 256, (48, 144), np.uint8), (0, 0), 3)
    faces = cv2.normalize(faces, None, 0, 255, cv2.NORM_MINMAX).reshape(48, 3, 48).swapaxes(0, 1)
    rows = face_table(lambda ir, vis: vis, faces, lights=(1.0, 0.02)).splitlines()[2:]
    light, dark = ([float(cell) for cell in row.strip('|').split('|')] for row in rows)
    assert (light[0], dark[0]) == (1.0, 0.02)
    # The visible image suffers, the infrared one does not, and what fuses is the method given.
    assert dark[1] < light[1] - 0.2
    assert dark[2] == pytest.approx(light[2], abs=0.02)
    assert dark[4] == dark[1]


def test_train_export_and_evaluate_from_the_command_line(shared_data, tmp_path, capsys):
    pytest.importorskip('torch')
    pytest.importorskip('onnxruntime')
    source = shared_data / 'fusion' / 'thermal_road'
    splits = set()
    for path in sorted((source / 'ir').iterdir()):
        split = Pair(path.stem, '', np.empty(0), np.empty(0)).split
        if split in splits:
            continue
        splits.add(split)
        for kind in ('ir', 'vis'):
            image = cv2.imread(str(source / kind / path.name))[:60, :70]
            (tmp_path / 'data' / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / 'data' / kind / f'{path.stem}.png'), image)
    data, out = str(tmp_path / 'data'), str(tmp_path / 'out')
    config = str(tmp_path / 'config.yaml')
    (tmp_path / 'config.yaml').write_text('preset: realtime\npatch: 48\n')
    small = [
        'epochs=1',
        'steps=1',
        'batch_size=2',
        'critic.steps=1',
        'critic.widths=[2,2,2,2,2,2]',
        'critic.patch=32',
    ]
    train = ['train-fusion', config, '--data', data, '--output', out]
    assert main([*train, '--set', *small]) == 0
    assert main(['export-fusion', f'{out}/best.ckpt', '--output', out]) == 0
    onnx = ['--weights', f'{out}/fusion.onnx', '--engine', 'onnxruntime']
    capsys.readouterr()
    assert main(['evaluate-fusion', '--data', data, *onnx, '--output', out]) == 0
    printed = capsys.readouterr().out
    assert printed.strip() == (tmp_path / 'out' / 'tables.md').read_text().strip()
    assert 'All 1 pairs' in printed
    assert '| this network |' in printed
    with (tmp_path / 'out' / 'pairs.csv').open() as file:
        by_onnx = list(csv.DictReader(file))[-1]
    checkpoint = ['--weights', f'{out}/best.ckpt', '--output', out]
    assert main(['evaluate-fusion', '--data', data, *checkpoint]) == 0
    with (tmp_path / 'out' / 'pairs.csv').open() as file:
        by_torch = list(csv.DictReader(file))[-1]
    for name in METRICS:
        assert float(by_onnx[name]) == pytest.approx(float(by_torch[name]), abs=0.01)


def test_wrong_data_end_before_the_first_epoch_and_name_the_file(tmp_path, capsys):
    pytest.importorskip('torch')
    for kind in ('ir', 'vis'):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / 'a.png'), np.zeros((100, 100), np.uint8))
    (tmp_path / 'vis' / 'a.png').write_bytes(b'')
    config = tmp_path / 'config.yaml'
    config.write_text('preset: realtime\n')
    assert main(['train-fusion', str(config), '--data', str(tmp_path)]) == 1
    assert 'a.png: cannot be read' in capsys.readouterr().err
