"""Evaluate fusion by its command on pairs from several folders."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('onnxruntime')

from fer_fusion_ros.commands.main import main


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


def test_missing_faces_end_it_before_the_work(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(*_: object) -> None:
        pytest.fail('pairs are measured before the faces are read')

    monkeypatch.setattr('fer_fusion_ros.fusion.evaluate.evaluate', evaluate)
    words = ['evaluate-fusion', '--data', str(pairs), '--split', 'all', '--output', str(tmp_path)]
    assert main([*words, '--faces', str(tmp_path / 'nope.npz')]) == 1
    assert 'nope.npz: no such file' in capsys.readouterr().err
