"""The table of a training holds each epoch once, also after a resume."""

import csv

import cv2
import pytest

pytest.importorskip('torch')
pytest.importorskip('tensorboard')

from fer_fusion_ros.learning.history import History


def table(folder):
    with (folder / 'history.csv').open(newline='') as file:
        return [(float(row['epoch']), float(row['loss'])) for row in csv.DictReader(file)]


def test_epochs_after_the_checkpoint_are_written_anew(tmp_path):
    history = History(tmp_path, 0, [['loss']])
    for epoch in (1, 2, 3):
        history.add(epoch, {'loss': 1.0 / epoch})
    history.close()
    resumed = History(tmp_path, 1, [['loss'], ['accuracy']])
    resumed.add(2, {'loss': 0.25, 'accuracy': 0.9})
    resumed.close()
    assert table(tmp_path) == [(1.0, 1.0), (2.0, 0.25)]
    assert cv2.imread(str(tmp_path / 'curves.png')).std() > 5
    assert list((tmp_path / 'tensorboard').glob('events.*'))


def test_a_new_training_starts_a_new_table(tmp_path):
    for _ in range(2):
        history = History(tmp_path, 0, [['loss']])
        history.add(1, {'loss': 2.0})
        history.close()
    assert table(tmp_path) == [(1.0, 2.0)]


def test_half_a_row_is_dropped_and_a_full_disk_leaves_the_former_table(tmp_path, monkeypatch):
    (tmp_path / 'history.csv').write_text('epoch,loss\n1.0,1.0\n2.0,x\n3.0')
    resumed = History(tmp_path, 3, [['loss']])
    resumed.add(4, {'loss': 0.25})
    assert table(tmp_path) == [(1.0, 1.0), (4.0, 0.25)]
    assert not list(tmp_path.glob('*.partial'))

    def writerows(*_):
        raise OSError('No space left')

    monkeypatch.setattr(csv.DictWriter, 'writerows', writerows)
    with pytest.raises(OSError, match='No space left'):
        resumed.add(5, {'loss': 0.2})
    resumed.close()
    assert table(tmp_path) == [(1.0, 1.0), (4.0, 0.25)]
