"""Quality figures of a fused image, computed in float.

Images are (H, W) arrays of grey levels 0 to 255, of any real type; they are converted to float64
before any arithmetic. ``a`` and ``b`` are the sources, ``f`` the fused image.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_fusion_ros.exceptions import DataError

Image = NDArray[np.float64]

SMALLEST = 41
"""Height and width in pixels below which VIF has nothing left at its coarsest scale."""


def entropy(f: Image) -> float:
    """Return EN = -sum p log2 p over the 256 grey levels (rounded), 0 to 8 bits."""
    counts = np.bincount(_levels(f).ravel(), minlength=256)
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())


def standard_deviation(f: Image) -> float:
    """Return SD = sqrt(mean((f - mean f)^2)), 0 to 127.5 grey levels."""
    return float(np.std(f))


def spatial_frequency(f: Image) -> float:
    """Return SF = sqrt(mean(dx^2) + mean(dy^2)) with first differences, 0 to 361."""
    return float(np.hypot(_rms(np.diff(f, axis=1)), _rms(np.diff(f, axis=0))))


def average_gradient(f: Image) -> float:
    """Return AG = mean sqrt((dx^2 + dy^2) / 2) with forward differences, 0 to 255."""
    dx = f[:-1, 1:] - f[:-1, :-1]
    dy = f[1:, :-1] - f[:-1, :-1]
    return float(np.sqrt((dx**2 + dy**2) / 2).mean())


def mutual_information(a: Image, b: Image, f: Image) -> float:
    """Return MI(a, f) + MI(b, f), 0 to 16 bits.

    MI(x, y) = sum p(x, y) log2(p(x, y) / (p(x) p(y))) over the joint histogram of levels.
    """
    return _mutual_information(a, f) + _mutual_information(b, f)


def sum_of_correlations_of_differences(a: Image, b: Image, f: Image) -> float:
    """Return SCD = r(f - b, a) + r(f - a, b), -2 to 2, with r the correlation (Aslantas 2015)."""
    return _correlation(f - b, a) + _correlation(f - a, b)


def visual_information_fidelity(a: Image, b: Image, f: Image) -> float:
    """Return VIF(a, f) + VIF(b, f), from 0; 2 when both sources equal the fused image."""
    return _vif(a, f) + _vif(b, f)


def edge_preservation(a: Image, b: Image, f: Image) -> float:
    """Return Qabf, 0 to 1: the share of the sources' edges kept in the fused image.

    For Sobel strength g and angle alpha, a source x keeps at each pixel Q = Qg Qa with
    Qg = 0.9994 / (1 + exp(-15 (G - 0.5))) and G the smaller over the larger strength, and
    Qa = 0.9879 / (1 + exp(-22 (A - 0.8))) and A = 1 - |alpha_x - alpha_f| / (pi / 2). The result
    is the mean of the sources' Q weighted by their strengths (Xydeas and Petrovic 2000).
    """
    edges_f = _edges(f)
    kept = weight = 0.0
    for source in (a, b):
        strength, angle = _edges(source)
        kept += float((_kept_edges(strength, angle, *edges_f) * strength).sum())
        weight += float(strength.sum())
    return kept / weight if weight else 0.0


def structural_similarity(a: Image, b: Image, f: Image) -> float:
    """Return (SSIM(a, f) + SSIM(b, f)) / 2, -1 to 1: Gaussian window 11x11, sigma 1.5."""
    return (_ssim(a, f) + _ssim(b, f)) / 2


#: Every figure by its usual name, as a function of (a, b, f); more is better for each.
METRICS: dict[str, Callable[[Image, Image, Image], float]] = {
    'EN': lambda a, b, f: entropy(f),
    'SD': lambda a, b, f: standard_deviation(f),
    'SF': lambda a, b, f: spatial_frequency(f),
    'AG': lambda a, b, f: average_gradient(f),
    'MI': mutual_information,
    'SCD': sum_of_correlations_of_differences,
    'VIF': visual_information_fidelity,
    'Qabf': edge_preservation,
    'SSIM': structural_similarity,
}


def measure(a: NDArray, b: NDArray, f: NDArray) -> dict[str, float]:
    """Return every figure of ``METRICS`` for one fused image.

    :raises DataError: when the images are less than `SMALLEST` pixels high or wide.
    :raises ValueError: when the three images differ in shape or are not (H, W).
    """
    if not (a.shape == b.shape == f.shape and a.ndim == 2):
        raise ValueError(
            f'Give three (H, W) images of one size, not {a.shape}, {b.shape}, {f.shape}.'
        )
    if min(a.shape) < SMALLEST:
        raise DataError(
            f'Images of {a.shape[1]}x{a.shape[0]} pixels cannot be measured; give such as are at '
            f'least {SMALLEST} pixels high and wide.'
        )
    a, b, f = (np.asarray(image, np.float64) for image in (a, b, f))
    return {name: metric(a, b, f) for name, metric in METRICS.items()}


def _levels(image: Image) -> NDArray[np.int64]:
    return np.clip(np.rint(image), 0, 255).astype(np.int64)


def _rms(x: Image) -> float:
    return float(np.sqrt((x**2).mean()))


def _mutual_information(x: Image, y: Image) -> float:
    joint = np.bincount((_levels(x) * 256 + _levels(y)).ravel(), minlength=65536)
    joint = joint.reshape(256, 256) / x.size
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    some = joint > 0
    return float((joint[some] * np.log2(joint[some] / independent[some])).sum())


def _correlation(x: Image, y: Image) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale else 0.0


def _filter(image: Image, size: int, sigma: float) -> Image:
    """Filter with a Gaussian window, and keep the pixels whose whole window lies inside."""
    kernel = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)
    margin = size // 2
    return cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)[margin:-margin, margin:-margin]


def _moments(x: Image, y: Image, size: int, sigma: float) -> tuple[Image, ...]:
    """Return the windowed means, variances and covariance of two images."""
    mean_x, mean_y = _filter(x, size, sigma), _filter(y, size, sigma)
    return (
        mean_x,
        mean_y,
        _filter(x * x, size, sigma) - mean_x**2,
        _filter(y * y, size, sigma) - mean_y**2,
        _filter(x * y, size, sigma) - mean_x * mean_y,
    )


def _ssim(x: Image, y: Image) -> float:
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y, var_x, var_y, covariance = _moments(x, y, 11, 1.5)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float((luminance * (2 * covariance + c2) / (var_x + var_y + c2)).mean())


def _vif(reference: Image, image: Image) -> float:
    """Return the pixel-domain visual information fidelity (Sheikh and Bovik 2006).

    Over four scales, each half of the one before,
    VIF = sum log10(1 + g^2 s_r^2 / (s_v^2 + 2)) / sum log10(1 + s_r^2 / 2), where each window is
    regressed as image = g reference + v, s_v^2 is the variance of v and 2 that of the eye's noise.
    """
    tiny, noise = 1e-10, 2.0
    kept = total = 0.0
    for scale in range(4):
        size = 2 ** (4 - scale) + 1
        if scale:
            reference = _filter(reference, size, size / 5)[::2, ::2]
            image = _filter(image, size, size / 5)[::2, ::2]
        _, _, var_r, var_i, covariance = _moments(reference, image, size, size / 5)
        var_r, var_i = np.maximum(var_r, 0), np.maximum(var_i, 0)
        gain = covariance / (var_r + tiny)
        residual = var_i - gain * covariance
        gain, residual = np.where(var_r < tiny, 0, gain), np.where(var_r < tiny, var_i, residual)
        gain, residual = np.where(var_i < tiny, 0, gain), np.where(var_i < tiny, 0, residual)
        var_r = np.where(var_r < tiny, 0, var_r)
        residual, gain = np.where(gain < 0, var_i, residual), np.maximum(gain, 0)
        residual = np.maximum(residual, tiny)
        kept += float(np.log10(1 + gain**2 * var_r / (residual + noise)).sum())
        total += float(np.log10(1 + var_r / noise).sum())
    return kept / total if total else 1.0


def _edges(image: Image) -> tuple[Image, Image]:
    """Return Sobel strength and angle (in (-pi/2, pi/2])."""
    gx = cv2.Sobel(image, cv2.CV_64F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    gy = cv2.Sobel(image, cv2.CV_64F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    angle = np.where(gx == 0, np.pi / 2, np.arctan(gy / np.where(gx == 0, 1, gx)))
    return np.hypot(gx, gy), angle


def _kept_edges(strength: Image, angle: Image, strength_f: Image, angle_f: Image) -> Image:
    larger = np.maximum(strength, strength_f)
    ratio = np.minimum(strength, strength_f) / np.where(larger == 0, 1, larger)
    alignment = 1 - np.abs(angle - angle_f) / (np.pi / 2)
    kept_strength = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
    kept_angle = 0.9879 / (1 + np.exp(-22 * (alignment - 0.8)))
    return kept_strength * kept_angle
