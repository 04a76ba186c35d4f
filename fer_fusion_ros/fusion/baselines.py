"""Classic ways to fuse two images, to compare the network with. Images are (H, W) in 0 to 255."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]


def laplacian_pyramid(ir: Image, vis: Image, levels: int = 4) -> Image:
    """Fuse by the stronger coefficient on each level and the mean of the coarsest (Burt 1983)."""
    details = []
    a, b = ir.astype(np.float32), vis.astype(np.float32)
    for _ in range(levels):
        small_a, small_b = cv2.pyrDown(a), cv2.pyrDown(b)
        size = a.shape[::-1]
        details.append(
            _stronger(a - cv2.pyrUp(small_a, dstsize=size), b - cv2.pyrUp(small_b, dstsize=size))
        )
        a, b = small_a, small_b
    fused = (a + b) / 2
    for detail in reversed(details):
        fused = detail + cv2.pyrUp(fused, dstsize=detail.shape[::-1])
    return np.clip(fused, 0, 255)


def wavelet(ir: Image, vis: Image, levels: int = 4) -> Image:
    """Fuse undecimated B3-spline wavelets: the stronger detail and the mean of the rest."""
    a, b = ir.astype(np.float32), vis.astype(np.float32)
    fused = np.zeros_like(a)
    for level in range(levels):
        kernel = np.zeros(4 * 2**level + 1, np.float32)
        kernel[:: 2**level] = np.array([1, 4, 6, 4, 1], np.float32) / 16
        smooth_a, smooth_b = (
            cv2.sepFilter2D(a, -1, kernel, kernel),
            cv2.sepFilter2D(b, -1, kernel, kernel),
        )
        fused += _stronger(a - smooth_a, b - smooth_b)
        a, b = smooth_a, smooth_b
    return np.clip(fused + (a + b) / 2, 0, 255)


def _stronger(a: Image, b: Image) -> Image:
    return np.where(np.abs(a) >= np.abs(b), a, b)


#: Every baseline by name, as a function of (ir, vis).
BASELINES: dict[str, Callable[[Image, Image], Image]] = {
    'infrared': lambda ir, vis: ir,
    'visible': lambda ir, vis: vis,
    'average': lambda ir, vis: (ir.astype(np.float32) + vis) / 2,
    'maximum': np.maximum,
    'laplacian pyramid': laplacian_pyramid,
    'wavelet': wavelet,
}
