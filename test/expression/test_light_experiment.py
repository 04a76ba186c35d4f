"""The experiment in light and dark shows each face to the classifier where it looks for it."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.fer2013 import load_fer2013
from fer_fusion_ros.expression.light_experiment import (
    MODALITIES,
    PAPER,
    beside_the_paper,
    draw,
    run,
)


class HalfFuser:
    """Averages both pictures."""

    def fuse(self, ir, vis):
        return ((ir.astype(np.uint16) + vis) // 2).astype(np.uint8)


@pytest.fixture(scope='module')
def faces(shared_data):
    whole = load_fer2013(shared_data / 'fer2013' / 'fer2013_train_public.npz', 'public')
    rows = np.concatenate([np.flatnonzero(whole.labels == k)[:2] for k in range(4)])
    return whole.subset(rows)


@pytest.fixture(scope='module')
def experiment(faces):
    known = faces.images[:, 2:46, 2:46].reshape(len(faces), -1).astype(np.float32)
    known -= known.mean(1, keepdims=True)
    known /= np.linalg.norm(known, axis=1, keepdims=True)

    def nearest(crops):
        """Say the label of the known face that a crop resembles most."""
        seen = crops.reshape(len(crops), -1).astype(np.float32)
        seen -= seen.mean(1, keepdims=True)
        return np.eye(7, dtype=np.float32)[faces.labels[(seen @ known.T).argmax(1)]]

    return run(faces, nearest, 44, HalfFuser(), (3.0, 3.5), (1.0, 0.02))


def test_every_face_is_recognised_in_light_by_its_own_picture(experiment):
    for row in experiment:
        if row['modality'] != 'visible' or row['light'] == 1.0:
            assert row['share_right'] == 1.0, row


def test_only_the_visible_picture_depends_on_the_light(experiment):
    assert len(experiment) == 2 * 2 * 3
    for distance in (3.0, 3.5):
        own = [r for r in experiment if r['distance'] == distance and r['modality'] == 'infrared']
        # Unlike ==, it takes a NaN, the mean of all seven, for the same as another.
        np.testing.assert_equal({**own[0], 'light': None}, {**own[1], 'light': None})


def test_the_visible_picture_is_darker_in_less_light(faces):
    tones = []

    def note(crops):
        tones.append(crops.mean())
        return np.zeros((len(crops), 7), np.float32)

    run(faces, note, 44, HalfFuser(), (3.0,), (1.0, 0.1, 0.02))
    visible, infrared, fused = np.reshape(tones, (3, 3)).T
    # A fifth of the light, and the gain at its limit: about half the tone.
    assert visible[1] < 0.9 * visible[0] and visible[2] < 0.6 * visible[1]
    assert infrared[0] == infrared[1] == infrared[2]
    assert (np.diff(fused) < 0).all()


def test_the_table_stands_beside_the_papers(experiment, tmp_path):
    table = beside_the_paper(experiment).splitlines()
    assert len(table) == 2 + 6
    cells = [cell.strip() for cell in table[4].strip('|').split('|')]
    # Fused at 3 m: the paper's table gives 91.2 in light and 91.5 in the dark.
    assert cells[:4] == ['3 m', 'fused', '100.0', '91.2']
    # The faces show these four expressions alone.
    assert cells[5:] == ['91.5', 'none', 'none']
    assert {modality for _, modality in PAPER} == set(MODALITIES)
    draw(experiment, str(tmp_path / 'light.png'))
    assert cv2.imread(str(tmp_path / 'light.png')).std() > 10


def test_a_mean_over_a_missing_expression_is_none(faces, tmp_path):
    happy = Faces('happy', faces.images[2:4], faces.labels[2:4])
    always = np.eye(7, dtype=np.float32)[1]
    rows = run(
        happy, lambda crops: np.tile(always, (len(crops), 1)), 44, HalfFuser(), (3.0,), (1.0,)
    )
    assert all(row['share_right'] == row['happy'] == 1.0 for row in rows)
    assert np.isnan([[row['accuracy_4'], row['accuracy_7']] for row in rows]).all()
    assert 'sad' not in rows[0]
    assert beside_the_paper(rows).splitlines()[2].endswith('| none | 88.2 | none | none |')
    draw(rows, str(tmp_path / 'light.png'))
    assert cv2.imread(str(tmp_path / 'light.png')) is not None
