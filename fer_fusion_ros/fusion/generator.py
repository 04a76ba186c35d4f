"""The fusion generator (Fig. 3 of the paper) and its presets."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Filters of the first four convolutions, and how many pixels are folded into channels.
PRESETS: dict[str, tuple[tuple[int, int, int, int], int]] = {
    'paper': ((256, 128, 64, 32), 1),
    'medium': ((64, 32, 16, 16), 1),
    'narrow': ((16, 16, 16, 16), 1),
    'realtime': ((16, 16, 16, 16), 2),
}


class Generator(nn.Module):
    """Fuse an infrared and a visible image into one.

    Five convolutions of 5x5, 5x5, 3x3, 3x3 and 1x1 with stride 1 and same padding, LeakyReLU after
    the first four and tanh after the last. The first sees both images; the infrared one is
    concatenated again to the inputs of the second and third, the visible one to the inputs of the
    fourth and fifth.

    With ``fold`` = r the same network runs on images whose r x r neighbouring pixels stand in
    channels, at 1/r of the resolution: it costs about r*r times less, and as the visible skip
    carries every pixel to the last convolution no resolution is lost. ``fold`` = 1 is the paper's
    network.

    :param widths: filters of the first four convolutions.
    :param fold: side of the block of pixels that is folded into channels.
    """

    def __init__(self, widths: Sequence[int] = PRESETS['paper'][0], fold: int = 1) -> None:
        super().__init__()
        image = fold * fold
        self.fold = fold
        self.conv1 = nn.Conv2d(2 * image, widths[0], 5, padding=2)
        self.conv2 = nn.Conv2d(widths[0] + image, widths[1], 5, padding=2)
        self.conv3 = nn.Conv2d(widths[1] + image, widths[2], 3, padding=1)
        self.conv4 = nn.Conv2d(widths[2] + image, widths[3], 3, padding=1)
        self.conv5 = nn.Conv2d(widths[3] + image, image, 1)
        self.activation = nn.LeakyReLU(0.2)

    @classmethod
    def from_preset(cls, name: str) -> 'Generator':
        """Build the generator of a preset.

        :param name: a key of ``PRESETS``.
        :raises KeyError: for an unknown name.
        """
        widths, fold = PRESETS[name]
        return cls(widths, fold)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        """Fuse a batch.

        :param ir: (N, 1, H, W) infrared images in [-1, 1].
        :param vis: (N, 1, H, W) visible luminance in [-1, 1], aligned with ``ir``.
        :return: (N, 1, H, W) fused images in [-1, 1], for any H and W.
        """
        height, width = ir.shape[-2:]
        ir, vis = self._fold(ir), self._fold(vis)
        x = self.activation(self.conv1(torch.cat([ir, vis], dim=1)))
        x = self.activation(self.conv2(torch.cat([x, ir], dim=1)))
        x = self.activation(self.conv3(torch.cat([x, ir], dim=1)))
        x = self.activation(self.conv4(torch.cat([x, vis], dim=1)))
        x = torch.tanh(self.conv5(torch.cat([x, vis], dim=1)))
        if self.fold == 1:
            return x
        return functional.pixel_shuffle(x, self.fold)[..., :height, :width]

    def _fold(self, image: Tensor) -> Tensor:
        """Move each block of fold x fold pixels into channels, with zeros beyond the border.

        This is `pixel_unshuffle` as a convolution that picks pixels. Its padding takes care of
        sizes that are no multiple of the fold, which spares the engines a costly padding layer.
        """
        r = self.fold
        if r == 1:
            return image
        pick = torch.eye(r * r, dtype=image.dtype, device=image.device).view(r * r, 1, r, r)
        pick = functional.pad(pick, (r - 1, 0, r - 1, 0))
        return functional.conv2d(image, pick, stride=r, padding=r - 1)
