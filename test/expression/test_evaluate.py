"""Tables of an evaluation, checked against faces whose answers are known."""

import csv
import dataclasses
import json
import os

import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.evaluate import VIEWS, evaluate
from fer_fusion_ros.expression.evaluation_report import report, save, save_calibration


def told_by_level(crops):
    """Say the class that a crop's grey level encodes, with 90 % confidence."""
    said = crops[:, 0, 0] // 10
    return np.where(np.arange(7) == said[:, None], 0.9, 0.1 / 6).astype(np.float32)


@pytest.fixture
def faces():
    said = np.array([0, 0, 1, 1, 2, 5])
    images = (10 * said).astype(np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    images[:, 4, 4] += np.arange(6, dtype=np.uint8)
    return Faces('known', images, np.array([0, 1, 1, 1, 2, 0]))


def test_figures_are_as_by_hand(faces):
    evaluation = evaluate(told_by_level, 6, faces, faces.subset(np.array([1, 4])))
    whole, without = evaluation.accuracies()[:2]
    assert (whole['view'], whole['count'], without['count']) == ('single', 6, 4)
    assert whole['accuracy'] == pytest.approx(4 / 6)
    assert whole['mean_recall'] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert whole['calibration_error'] == pytest.approx(0.9 - 4 / 6)
    assert without['accuracy'] == pytest.approx(3 / 4)
    matrix = evaluation.confusion('single')
    assert matrix.sum() == 6 and matrix[1, 0] == 1 and matrix[0, 5] == 1 and matrix[1, 1] == 2
    happy = evaluation.classes('single')[1]
    assert happy['count'] == 3
    assert happy['recall'] == pytest.approx(2 / 3)
    assert happy['precision'] == pytest.approx(1.0)
    assert happy['f1'] == pytest.approx(0.8)
    assert np.isnan(evaluation.classes('single')[4]['recall'])
    assert [row['view'] for row in evaluation.accuracies()] == [v for v in VIEWS for _ in (0, 1)]


def test_the_views_are_centre_mirror_and_corners():
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    seen = []

    def predict(crops):
        seen.append(crops[0, 0].tolist())
        return np.eye(7, dtype=np.float32)[[len(seen) % 7]]

    probabilities = evaluate(predict, 6, Faces('one', image, np.zeros(1, int))).probabilities
    rows = [image[0, y, x : x + 6].tolist() for y, x in ((1, 1), (0, 0), (0, 2), (2, 0), (2, 2))]
    assert seen == [view for row in rows for view in (row, row[::-1])]
    answers = np.eye(7)[[(1 + call) % 7 for call in range(10)]]
    for view, count in (('single', 1), ('flip', 2), ('ten-crop', 10)):
        np.testing.assert_allclose(probabilities[view][0], answers[:count].mean(0), atol=1e-6)


def test_everything_is_saved(faces, tmp_path):
    evaluation = evaluate(told_by_level, 6, faces)
    save(evaluation, tmp_path / 'new')
    folder = tmp_path / 'new'
    assert 'known' in (folder / 'tables.md').read_text()
    assert '| single | all | 6 | 66.67 |' in report(evaluation)
    with (folder / 'accuracy.csv').open(newline='') as file:
        assert float(next(csv.DictReader(file))['accuracy']) == pytest.approx(4 / 6)
    figures = json.loads((folder / 'figures.json').read_text())
    assert np.array(figures['confusion']).tolist() == evaluation.confusion('ten-crop').tolist()
    assert cv2.imread(str(folder / 'confusion.png')).std() > 20
    single = evaluation.probabilities['single']
    with pytest.raises(DataError, match='6 faces are too few to find a temperature'):
        save_calibration(single, faces.labels, 1.0, folder)
    text = save_calibration(np.tile(single, (4, 1)), np.tile(faces.labels, 4), 1.0, folder)
    found = json.loads((folder / 'calibration.json').read_text())
    assert f'Temperature {found["temperature"]:.3f}' in text and found['temperature'] > 1
    assert (folder / 'reliability.png').is_file()
    right = np.eye(7)[np.arange(20) % 7] * 0.5 + 0.5 / 7
    with pytest.raises(DataError, match='tell no temperature, as the network is right of all'):
        save_calibration(right, np.arange(20) % 7, 1.0, folder)


def test_data_whose_name_is_not_utf_8_are_saved(faces, tmp_path):
    odd = dataclasses.replace(faces, name=os.fsdecode(b'stra\xdfe'))
    save(evaluate(told_by_level, 6, odd), tmp_path)
    assert r'stra\udcdfe, in per cent' in (tmp_path / 'tables.md').read_text()


def test_figures_that_are_not_defined_are_null(faces, tmp_path):
    save(evaluate(told_by_level, 6, faces), tmp_path)
    told = (tmp_path / 'figures.json').read_text()
    classes = json.loads(told, parse_constant=lambda name: pytest.fail(f'{name} is not JSON'))
    # Nobody shows the fourth expression, and nobody is said to.
    assert list(classes['classes'][4].values())[1:] == [0, None, None, None]
    assert classes['classes'][1]['recall'] == pytest.approx(2 / 3)


def test_a_subset_without_faces_is_left_out(faces, tmp_path):
    evaluation = evaluate(told_by_level, 6, faces, faces)
    assert [row['faces'] for row in evaluation.accuracies()] == ['all'] * len(VIEWS)
    save(evaluation, tmp_path)
    assert 'duplicates' not in (tmp_path / 'tables.md').read_text()


def test_there_must_be_faces(faces):
    with pytest.raises(DataError, match='known: has no faces'):
        evaluate(told_by_level, 6, faces.subset(np.zeros(6, bool)))


def test_faces_must_be_large_enough(faces):
    with pytest.raises(DataError, match='known: images are smaller than the 9 pixels'):
        evaluate(told_by_level, 9, faces)
