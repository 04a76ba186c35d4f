"""Make a classifier as sure as it is right."""

import numpy as np

from fer_fusion_ros.expression.classifier import softmax

EXTREME = 20.0
"""Bound of the search for a temperature; its inverse is the other one."""


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """
    Return the expected calibration error (Guo et al., 2017).

    The mean distance between confidence and accuracy over equally wide bins of confidence,
    weighted by the bins' shares.

    :param probabilities: (N, C), rows sum to 1.
    :param labels: (N,) in 0..C-1.
    :return: in 0..1, 0 is best.
    """
    return float(
        sum(
            count * abs(confidence - accuracy)
            for confidence, accuracy, count in reliability(probabilities, labels, bins)
        )
        / len(labels)
    )


def reliability(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> list[tuple[float, float, int]]:
    """
    Return mean confidence, accuracy and count of each bin of confidence that is not empty.

    :param probabilities: (N, C), rows sum to 1.
    :param labels: (N,) in 0..C-1.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (float(confidence[own].mean()), float(right[own].mean()), int(own.sum()))
        for own in (place == index for index in range(bins))
        if own.any()
    ]


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """
    Return the temperature that makes the labels likeliest.

    :param probabilities: (N, C), rows sum to 1.
    :param labels: (N,) in 0..C-1.
    :return: divide the logits by it; above 1 the classifier was too sure. At `EXTREME` or its
        inverse it was sought in vain, as where all answers are right.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        warmed = temper(probabilities, float(np.exp(log_temperature)))
        own = warmed[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(own, 1e-12)).mean())

    limits = (-np.log(EXTREME), np.log(EXTREME))
    return float(np.exp(minimize_scalar(loss, bounds=limits, method='bounded').x))


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """
    Divide the logits of probabilities by a temperature.

    :param probabilities: (N, C), rows sum to 1.
    :return: (N, C), rows sum to 1.
    """
    return softmax(np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature)


def cross_fitted(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """
    Temper each half of the faces with the temperature of the other half.

    What this gives measures a calibration on faces that it was not fitted to.

    :param probabilities: (N, C), rows sum to 1.
    :param labels: (N,) in 0..C-1.
    :return: (N, C), rows sum to 1.
    """
    half = np.random.default_rng(0).permutation(len(labels)) % 2 == 0
    tempered = np.empty(probabilities.shape)
    for own in (half, ~half):
        temperature = fit_temperature(probabilities[~own], labels[~own])
        tempered[own] = temper(probabilities[own], temperature)
    return tempered
