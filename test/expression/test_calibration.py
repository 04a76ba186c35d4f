"""Calibration follows its definition and finds a temperature that is known."""

import numpy as np
import pytest

from fer_fusion_ros.expression.calibration import (
    calibration_error,
    cross_fitted,
    fit_temperature,
    reliability,
    temper,
)


def test_the_error_is_the_weighted_distance_of_confidence_and_accuracy():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.6, 0.4]])
    labels = np.array([0, 0, 1, 0, 1])
    bins = reliability(probabilities, labels, 10)
    assert bins == [(pytest.approx(0.6), 0.0, 1), (pytest.approx(0.9), 0.75, 4)]
    expected = (4 * abs(0.9 - 0.75) + 1 * abs(0.6 - 0.0)) / 5
    assert calibration_error(probabilities, labels, 10) == pytest.approx(expected)


@pytest.fixture
def overconfident():
    """Labels drawn from a distribution, and that distribution sharpened threefold."""
    rng = np.random.default_rng(0)
    honest = temper(rng.dirichlet(np.ones(7), 20000), 0.5)
    labels = (rng.random(len(honest))[:, None] > honest.cumsum(1)).sum(1).clip(max=6)
    return temper(honest, 1 / 3), labels


def test_the_temperature_that_sharpened_is_found(overconfident):
    probabilities, labels = overconfident
    assert fit_temperature(probabilities, labels) == pytest.approx(3.0, rel=0.05)
    assert calibration_error(probabilities, labels) > 0.1
    after = cross_fitted(probabilities, labels)
    assert calibration_error(after, labels) < 0.02
    assert (after.argmax(1) == probabilities.argmax(1)).all()


def test_no_face_is_judged_by_its_own_label(overconfident):
    probabilities, labels = (each[:10] for each in overconfident)
    before = cross_fitted(probabilities, labels)
    for index in range(10):
        other = labels.copy()
        other[index] = probabilities[index].argmin()
        changed = (cross_fitted(probabilities, other) != before).any(axis=1)
        # But the faces of the other half are.
        assert not changed[index] and changed.sum() == 5


def test_tempering_divides_the_logits():
    logits = np.array([[1.0, -2.0, 0.5]])
    softmax = np.exp(logits) / np.exp(logits).sum()
    halved = np.exp(logits / 2) / np.exp(logits / 2).sum()
    np.testing.assert_allclose(temper(softmax, 2.0), halved)
