"""Measure how far a registered pair is off."""

import numpy as np


def residual(
    ir: np.ndarray, vis: np.ndarray, box: tuple[float, float, float, float] | None = None
) -> float | None:
    """Measure the shift between two images by the phase correlation of their gradients.

    :param ir: (H, W) uint8.
    :param vis: (H, W, 3) BGR or (H, W) uint8.
    :param box: x, y, width, height in pixels of the region to compare; the central half when
        None.
    :return: pixels, or None when the images have too little in common to tell.
    """
    raise NotImplementedError
