"""Measure how far a registered pair is off."""

import cv2
import numpy as np

from fer_fusion_ros.grey import displacement, to_grey
from fer_fusion_ros.registration.warped_image import ImageView

_MIN_RESPONSE = 0.05
"""Share of the correlation's energy at its peak below which the shift is a guess."""

_SMALLEST = 16
"""Height and width in pixels below which there is too little to compare."""


def residual(ir: ImageView, vis: ImageView) -> float | None:
    """
    Measure the shift between two images by the phase correlation of their gradients.

    The central half of the images is compared.

    :param ir: (H, W) uint8.
    :param vis: (H, W, 3) BGR or (H, W) uint8.
    :return: pixels, or None when the images have too little in common to tell.
    """
    height, width = ir.shape[:2]
    rows = slice(round(height / 4), round(height * 3 / 4))
    columns = slice(round(width / 4), round(width * 3 / 4))
    ir, vis = ir[rows, columns], vis[rows, columns]
    if min(ir.shape) < _SMALLEST:
        return None
    shift, response = displacement(_edges(ir), _edges(to_grey(vis)))
    return float(np.hypot(*shift)) if response >= _MIN_RESPONSE else None


def _edges(image: np.ndarray) -> np.ndarray:
    # Infrared and visible differ in contrast, even in its sign; edges are where they agree.
    smooth = cv2.GaussianBlur(image, (0, 0), 1.5)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    edges = cv2.magnitude(dx, dy)
    return edges - edges.mean()
