"""What several stages do with grey images."""

import cv2
import numpy as np


def to_grey(image: np.ndarray) -> np.ndarray:
    """Return the luminance (H, W) of a BGR or grey uint8 image."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def displacement(before: np.ndarray, now: np.ndarray) -> tuple[tuple[float, float], float]:
    """
    Measure by how much a picture moved, by phase correlation.

    :param before: (H, W) float32.
    :param now: the same shape.
    :return: pixels to the right and down, and how sure that is, about 0 to 1.
    """
    window = cv2.createHanningWindow(now.shape[::-1], cv2.CV_32F)
    # It writes the window into the pictures themselves.
    return cv2.phaseCorrelate(before.copy(), now.copy(), window)
