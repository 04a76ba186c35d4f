"""The losses of the fusion network: equations (2) to (8) of the paper, as pure functions.

Images are (N, 1, H, W) in [-1, 1]. Every term is a mean over pixels, which is the 1/(HW) of
equation (3) applied to each term's map; dividing the scalar SSIM by HW too, as the print has it,
would switch that term off.
"""

from collections.abc import Callable

import torch
from torch import Tensor

#: Half a grey level of an 8-bit image in [-1, 1]: neighbours that are equal count as "not darker".
_HALF_LEVEL = 1.0 / 255.0

#: Neighbours of a pixel as (row, column), clockwise from the upper left: bit p has weight 2**p.
_NEIGHBOURS = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


def adversarial_loss(fused_scores: Tensor) -> Tensor:
    """Return equation (7), -E[D(G)], for the critic's scores (N,) of fused images."""
    return -fused_scores.mean()


def critic_loss(visible_scores: Tensor, fused_scores: Tensor) -> Tensor:
    """Return the Wasserstein part of equation (8), -E[D(vis)] + E[D(G)], for scores (N,)."""
    return fused_scores.mean() - visible_scores.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], visible: Tensor, fused: Tensor, mix: Tensor
) -> Tensor:
    """Return the penalty of equation (8), E[(|grad D(x)|_2 - 1)^2], on interpolates (WGAN-GP).

    :param critic: maps (N, 1, H, W) to (N,) scores.
    :param mix: (N,) in [0, 1], the share of ``visible`` in each interpolate.
    """
    mix = mix.view(-1, 1, 1, 1)
    between = (mix * visible + (1 - mix) * fused).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def infrared_loss(fused: Tensor, ir: Tensor) -> Tensor:
    """Return the intensity term of equation (3), the mean of (fused - ir)^2."""
    return (fused - ir).square().mean()


def gaussian(image: Tensor, size: int, sigma: float) -> Tensor:
    """Filter with a Gaussian window and keep the pixels whose whole window lies inside.

    The window's rows and columns are applied as products with banded matrices, which on patches
    is several times faster than convolving a single channel.

    :param size: odd height and width of the window; H and W must be at least this.
    """
    offset = torch.arange(size, dtype=image.dtype, device=image.device) - size // 2
    window = torch.exp(-offset.square() / (2 * sigma**2))
    window = window / window.sum()

    def band(length: int) -> Tensor:
        rows = length - size + 1
        matrix = image.new_zeros(rows, length + 1)
        # Row r of an (R, L + 1) matrix read as (R, L) moves r places to the right.
        matrix[:, :size] = window
        return matrix.flatten()[: rows * length].view(rows, length)

    height, width = image.shape[-2:]
    return band(height) @ image @ band(width).T


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Return the structural similarity of equation (4), (N,) in [-1, 1].

    The denominator is (mu_x^2 + mu_y^2 + c1)(sigma_x^2 + sigma_y^2 + c2), as in Wang et al. 2004
    (the paper's print multiplies the means). Gaussian window of 11x11, sigma 1.5, whole windows
    only, so H and W must be at least 11. The images are moved to [0, 2], as the comparison of
    means takes black for zero.
    """
    x, y = x + 1, y + 1
    maps = gaussian(torch.cat([x, y, x * x, y * y, x * y]), 11, 1.5)
    mean_x, mean_y, square_x, square_y, product = maps.chunk(5)
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    covariance = product - mean_x * mean_y
    variances = square_x - mean_x.square() + square_y - mean_y.square()
    return (luminance * (2 * covariance + c2) / (variances + c2)).mean(dim=(1, 2, 3))


def local_binary_pattern(image: Tensor, temperature: float = 0.0) -> Tensor:
    """Return the local binary pattern of equation (6), with 8 neighbours and weights 2^p.

    :param temperature: 0 for the step function s(neighbour - centre >= 0), which has no gradient;
        above 0 for sigmoid((neighbour - centre) / temperature) in its place, which tends to the
        step as the temperature falls (a difference of half a grey level is added, so that it does
        so for equal pixels of an 8-bit image too).
    :return: (N, 1, H - 2, W - 2), 0 to 255.
    """
    height, width = image.shape[-2] - 2, image.shape[-1] - 2
    centre = image[..., 1:-1, 1:-1]
    code = torch.zeros_like(centre)
    for bit, (row, column) in enumerate(_NEIGHBOURS):
        difference = image[..., row : row + height, column : column + width] - centre
        if temperature > 0:
            step = torch.sigmoid((difference + _HALF_LEVEL) / temperature)
        else:
            step = (difference >= 0).to(image.dtype)
        code = code + 2**bit * step
    return code


def texture_loss(fused: Tensor, vis: Tensor, temperature: float) -> Tensor:
    """Return the LBP term of equation (3): mean squared difference of the codes over 255."""
    difference = local_binary_pattern(fused, temperature) - local_binary_pattern(vis, temperature)
    return (difference / 255).square().mean()


def image_gradient(image: Tensor) -> Tensor:
    """Return forward differences along x and y as (N, 2, H - 1, W - 1)."""
    centre = image[..., :-1, :-1]
    return torch.cat([image[..., :-1, 1:] - centre, image[..., 1:, :-1] - centre], dim=1)


def gradient_loss(x: Tensor, y: Tensor) -> Tensor:
    """Return equation (5): mean over the pixels of |grad x - grad y|^2."""
    return (image_gradient(x) - image_gradient(y)).square().sum(dim=1).mean()


def content_loss(
    fused: Tensor, ir: Tensor, vis: Tensor, alpha: float, beta: float, temperature: float
) -> Tensor:
    """Return equation (3): infrared intensity and structure, visible texture and gradients.

    :param alpha: weight of likeness to the infrared image.
    :param beta: weight of likeness to the visible image.
    :param temperature: of the differentiable LBP.
    """
    likeness = infrared_loss(fused, ir) + 1 - ssim(fused, ir).mean()
    texture = texture_loss(fused, vis, temperature) + gradient_loss(fused, vis)
    return alpha * likeness + beta * texture
