"""Soft labels tell how often a label is given, and are better than each of their sources."""

import numpy as np
import pytest

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.data.faces import Faces

pytest.importorskip('torch')

from fer_fusion_ros.expression.data.soft_labels import add_soft_labels, labels_given_votes

CLASSES = ('a', 'b', 'c')


def numbered(labels, crowd):
    images = np.zeros((len(labels), 48, 48), np.uint8)
    images[:, 20:22] = np.arange(len(labels), dtype='<u2').view(np.uint8).reshape(-1, 2, 1)
    return Faces('numbers', images, labels, crowd, classes=CLASSES)


def cross_entropy(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


@pytest.fixture
def world():
    """Noisy labels, ten votes and a teacher, each of another mixture of three expressions."""
    rng = np.random.default_rng(0)
    truth = rng.dirichlet([0.4] * 3, 6000)
    labels = np.array([rng.choice(3, p=p) for p in truth])
    # The crowd calls half of what is 0 and is labelled so a 1.
    heard = truth @ np.array([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    crowd = np.array([rng.multinomial(10, p) for p in heard], np.float32) / 10
    teacher = np.array([rng.dirichlet(6 * p + 0.05) for p in truth], np.float32)
    return labels, crowd, teacher


def test_votes_are_translated_into_labels(world):
    labels, crowd, _ = world
    told = labels_given_votes(crowd, labels)
    assert told.dtype == np.float32
    np.testing.assert_allclose(told.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(told.mean(0), np.bincount(labels) / len(labels), atol=0.01)
    shares = np.maximum(crowd, 0.02)
    assert (
        cross_entropy(told, labels) < cross_entropy(shares / shares.sum(1)[:, None], labels) - 0.1
    )


class Teacher:
    """Tells the given probabilities of numbered faces."""

    size = 44

    def __init__(self, probabilities, classes):
        self.probabilities, self.classes = probabilities, classes

    def __call__(self, crops):
        return self.probabilities[crops[:, 18:20, 0] @ (1, 256)]


def test_votes_and_a_teacher_know_more_than_either(world):
    labels, crowd, teacher = world
    soft = add_soft_labels(numbered(labels, crowd), [Teacher(teacher, CLASSES)]).soft
    np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-5)
    others = [labels_given_votes(crowd, labels), np.maximum(teacher, 1e-6)]
    assert cross_entropy(soft, labels) < min(cross_entropy(p, labels) for p in others) - 0.02


def test_one_source_is_enough(world):
    labels, crowd, teacher = world
    faces = numbered(labels, None)
    taught = add_soft_labels(faces, [Teacher(teacher, CLASSES)]).soft
    np.testing.assert_array_equal(taught, teacher)
    told = add_soft_labels(numbered(labels, crowd)).soft
    np.testing.assert_array_equal(told, labels_given_votes(crowd, labels))
    with pytest.raises(DataError, match='numbers: soft labels need votes, a teacher, or both'):
        add_soft_labels(faces)
    with pytest.raises(DataError, match=r'numbers has the labels a, .* network tells c, a, b'):
        add_soft_labels(faces, [Teacher(teacher, ('c', 'a', 'b'))])


def test_teachers_are_averaged(world):
    labels, _, teacher = world
    teachers = [Teacher(teacher, CLASSES), Teacher(teacher[:, ::-1], CLASSES)]
    soft = add_soft_labels(numbered(labels, None), teachers).soft
    np.testing.assert_allclose(soft, (teacher + teacher[:, ::-1]) / 2, rtol=1e-6)
