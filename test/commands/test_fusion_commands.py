"""Evaluate fusion by its command on pairs from several folders."""

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('onnxruntime')

from fer_fusion_ros.commands.main import main
from fer_fusion_ros.fusion.metrics import METRICS
from fer_fusion_ros.fusion.pairs import Pair
from fer_fusion_ros.image_files import read_grey


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Return a folder with the folders day and night, each with a pair a.png."""
    rng = np.random.default_rng(0)
    for source in ('day', 'night'):
        for kind in ('ir', 'vis'):
            folder = tmp_path / 'pairs' / source / kind
            folder.mkdir(parents=True)
            cv2.imwrite(str(folder / 'a.png'), rng.integers(0, 256, (64, 64), np.uint8))
    return tmp_path / 'pairs'


def test_pairs_of_one_name_have_each_a_picture(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    evaluate = ['evaluate-fusion', '--data', str(pairs), '--split', 'all', '--output', str(out)]
    assert main(evaluate) == 0
    assert sorted(path.name for path in (out / 'fused').iterdir()) == ['day_a.png', 'night_a.png']
    for source in ('day', 'night'):
        shown = cv2.imread(str(out / 'fused' / f'{source}_a.png'), cv2.IMREAD_GRAYSCALE)
        ir = cv2.imread(str(pairs / source / 'ir' / 'a.png'), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(shown[:, :64], ir)
    with (out / 'pairs.csv').open() as file:
        assert len(list(csv.DictReader(file))) > 2


def test_pairs_of_other_splits_are_mentioned(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    evaluate = ['evaluate-fusion', '--data', str(pairs), '--output', str(tmp_path / 'out')]
    splits = [Pair(name, '', np.empty(0), np.empty(0)).split for name in 'al']
    assert splits == ['train', 'test']
    assert main(evaluate) == 1
    assert 'none of its 2 pairs is in the split test; give --split all' in capsys.readouterr().err
    for kind in ('ir', 'vis'):
        folder = pairs / 'day' / kind
        (folder / 'a.png').rename(folder / 'l.png')
    assert main(evaluate) == 0
    assert '1 of 2 pairs, those of the split test' in capsys.readouterr().out


def test_missing_faces_end_it_before_the_work(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(*_: object) -> None:
        pytest.fail('pairs are measured before the faces are read')

    monkeypatch.setattr('fer_fusion_ros.fusion.evaluate.evaluate', evaluate)
    words = ['evaluate-fusion', '--data', str(pairs), '--split', 'all', '--output', str(tmp_path)]
    assert main([*words, '--faces', str(tmp_path / 'nope.npz')]) == 1
    assert 'nope.npz: no such file' in capsys.readouterr().err


def test_train_export_and_evaluate(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
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
    for weights in ('best.ckpt', 'fusion.safetensors'):
        by_torch = ['--weights', f'{out}/{weights}', '--output', out]
        assert main(['evaluate-fusion', '--data', data, *by_torch]) == 0
        with (tmp_path / 'out' / 'pairs.csv').open() as file:
            figures = list(csv.DictReader(file))[-1]
        for name in METRICS:
            assert float(by_onnx[name]) == pytest.approx(float(figures[name]), abs=0.01)


def test_wrong_data_end_before_the_first_epoch_and_name_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip('torch')
    for kind in ('ir', 'vis'):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / 'a.png'), np.zeros((100, 100), np.uint8))
    (tmp_path / 'vis' / 'a.png').write_bytes(b'')
    config = tmp_path / 'config.yaml'
    config.write_text('preset: realtime\n')
    train = ['train-fusion', str(config), '--data', str(tmp_path), '--output', str(tmp_path)]
    assert main(train) == 1
    assert 'a.png: not a readable image' in capsys.readouterr().err


def test_names_that_are_not_utf_8_are_evaluated(pairs: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b'stra\xdfe')
    for kind in ('ir', 'vis'):
        (pairs / 'day' / kind / 'a.png').rename(pairs / 'day' / kind / f'{name}.png')
    (pairs / 'day').rename(pairs / name)
    out = tmp_path / 'out'
    evaluate = ['evaluate-fusion', '--data', str(pairs), '--split', 'all', '--output', str(out)]
    assert main(evaluate) == 0
    assert read_grey(out / 'fused' / f'{name}_{name}.png').any()
    with (out / 'pairs.csv').open() as file:
        assert r'stra\udcdfe' in {row['pair'] for row in csv.DictReader(file)}
