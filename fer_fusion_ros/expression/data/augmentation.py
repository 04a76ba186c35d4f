"""Random geometry and tone of face crops, a whole batch at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fer_fusion_ros.learning.config import check_ranges


@dataclass(frozen=True)
class Augmentation:
    """
    How far face crops are changed at random.

    :param shift: largest translation in pixels, on both axes; 2 is a random 44 of 48.
    :param rotation: largest angle in degrees.
    :param zoom: largest relative change of size.
    :param still: share of the crops that are only shifted by whole pixels, so that the network
        also sees faces as sharp as they are at test time.
    :param gain: largest relative change of contrast.
    :param bias: largest change of brightness, of the range 0..1.
    :param erase: share of the crops of which a rectangle is painted over.
    :raises ConfigurationError: if a number is out of its range.
    """

    shift: float = 2.0
    rotation: float = 10.0
    zoom: float = 0.1
    still: float = 0.3
    gain: float = 0.2
    bias: float = 0.1
    erase: float = 0.25

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {
                'shift': '[0, inf)',
                'rotation': '[0, 180]',
                'zoom': '[0, 1)',
                'still': '[0, 1]',
                'gain': '[0, 1]',
                'bias': '[0, 1]',
                'erase': '[0, 1]',
            },
        )

    def __call__(self, images: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """
        Crop, turn, mirror and retouch at random.

        :param images: (N, 1, H, W) float in 0..1.
        :param size: height and width of the crops in pixels; no resizing but by the zoom.
        :param generator: source of all randomness.
        :return: (N, 1, size, size) float, about 0..1.
        """
        crops = self._warp(images, size, generator)
        n = len(images)
        gain = 1 + self.gain * _signed(n, generator)
        bias = self.bias * _signed(n, generator)
        crops = (crops - 0.5) * gain[:, None, None, None] + (0.5 + bias)[:, None, None, None]
        return self._erase(crops.clamp_(0, 1), generator)

    def _warp(self, images: Tensor, size: int, generator: torch.Generator) -> Tensor:
        n, _, height, width = images.shape
        still = torch.rand(n, generator=generator) < self.still
        angle = torch.deg2rad(self.rotation * _signed(n, generator)).masked_fill(still, 0)
        zoom = (1 + self.zoom * _signed(n, generator)).masked_fill(still, 1)
        mirror = 1 - 2 * (torch.rand(n, generator=generator) < 0.5).float()
        shift = self.shift * (2 * torch.rand(n, 2, generator=generator) - 1)
        shift = torch.where(still[:, None], shift.round(), shift)
        # Maps the crop's coordinates (-1..1) to the image's.
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        matrix = torch.stack(
            [
                torch.stack([cos * mirror * size, -sin * size, 2 * shift[:, 0]], 1) / width,
                torch.stack([sin * mirror * size, cos * size, 2 * shift[:, 1]], 1) / height,
            ],
            1,
        )
        grid = F.affine_grid(matrix, [n, 1, size, size], align_corners=False)
        return F.grid_sample(images, grid, padding_mode='reflection', align_corners=False)

    def _erase(self, crops: Tensor, generator: torch.Generator) -> Tensor:
        n, size = len(crops), crops.shape[-1]
        sides = size * (0.15 + 0.25 * torch.rand(2, n, 1, generator=generator))
        corners = torch.rand(2, n, 1, generator=generator) * (size - sides)
        along = torch.arange(size)
        inside = (along >= corners) & (along < corners + sides)
        inside[0] &= torch.rand(n, 1, generator=generator) < self.erase
        paint = torch.rand(n, 1, 1, 1, generator=generator)
        return torch.where((inside[0][:, :, None] & inside[1][:, None, :])[:, None], paint, crops)


def _signed(n: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(n, generator=generator) - 1
