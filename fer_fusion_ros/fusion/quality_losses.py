"""Differentiable forms of fusion metrics, which the bundled recipe adds to the paper's losses.

Images are (N, 1, H, W) in [-1, 1]; each function returns (N,), where more is better. They follow
`metrics.py`, save that small constants keep the gradients finite in flat regions, and that Qabf
takes edges for as different as the angle between them, at most 90 degrees. The metric, as it was
published, subtracts angles in (-90, 90] degrees: of two nearly horizontal edges that lean to
different sides it finds nothing kept.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from fer_fusion_ros.fusion.losses import gaussian

_SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def edge_preservation(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return Qabf, 0 to 1, the share of the sources' edges kept."""
    fused_x, fused_y = _sobel(fused)
    fused_strength = _length(fused_x, fused_y)
    kept = weight = torch.zeros((), dtype=fused.dtype, device=fused.device)
    for source in (a, b):
        x, y = _sobel(source)
        strength = _length(x, y)
        ratio = torch.minimum(strength, fused_strength) / torch.maximum(strength, fused_strength)
        cosine = (x * fused_x + y * fused_y).abs() / (strength * fused_strength)
        angle = torch.acos(cosine.clamp(max=1 - 1e-6)) / (math.pi / 2)
        quality = 0.9994 * torch.sigmoid(15 * (ratio - 0.5))
        quality = quality * 0.9879 * torch.sigmoid(22 * (0.2 - angle))
        kept = kept + (quality * strength).sum(dim=(1, 2, 3))
        weight = weight + strength.sum(dim=(1, 2, 3))
    return kept / weight


def visual_information(fused: Tensor, source: Tensor) -> Tensor:
    """Return the visual information fidelity of one source over four scales, from 0."""
    # The constants of the metric are for grey levels of 0 to 255.
    source, fused = 127.5 * source, 127.5 * fused
    kept = total = torch.zeros((), dtype=fused.dtype, device=fused.device)
    for scale in range(4):
        size = 2 ** (4 - scale) + 1
        if scale:
            halves = gaussian(torch.cat([source, fused]), size, size / 5)[..., ::2, ::2]
            source, fused = halves.chunk(2)
        maps = torch.cat([source, fused, source**2, fused**2, source * fused])
        mean_s, mean_f, square_s, square_f, product = gaussian(maps, size, size / 5).chunk(5)
        variance = (square_s - mean_s**2).clamp(min=0)
        covariance = product - mean_s * mean_f
        gain = (covariance / (variance + 1e-2)).clamp(min=0)
        residual = (square_f - mean_f**2 - gain * covariance).clamp(min=0)
        kept = kept + torch.log1p(gain**2 * variance / (residual + 2)).sum(dim=(1, 2, 3))
        total = total + torch.log1p(variance / 2).sum(dim=(1, 2, 3))
    return kept / (total + 1e-2)


def complementarity(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return SCD, -2 to 2: what ``fused`` adds to one source is like the other."""
    return _correlation(fused - b, a) + _correlation(fused - a, b)


def _sobel(image: Tensor) -> tuple[Tensor, Tensor]:
    kernel = torch.tensor(_SOBEL, dtype=image.dtype, device=image.device) / 4
    image = functional.pad(image, (1, 1, 1, 1), mode='replicate')
    edges = functional.conv2d(image, torch.stack([kernel, kernel.T])[:, None])
    return edges[:, :1], edges[:, 1:]


def _length(x: Tensor, y: Tensor) -> Tensor:
    return (x.square() + y.square() + 1e-8).sqrt()


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    x = x - x.mean(dim=(1, 2, 3), keepdim=True)
    y = y - y.mean(dim=(1, 2, 3), keepdim=True)
    scale = x.square().sum(dim=(1, 2, 3)) * y.square().sum(dim=(1, 2, 3))
    return (x * y).sum(dim=(1, 2, 3)) / (scale + 1e-3).sqrt()
