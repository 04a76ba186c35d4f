"""The fusion generator (Fig. 3 of the paper) and its presets."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Shape(NamedTuple):
    """What tells one generator from another.

    :ivar widths: filters of the first four convolutions.
    :ivar kernels: their heights and widths, odd.
    :ivar fold: side of the block of pixels that is folded into channels.
    :ivar mixes: whether the last layer tells how the two images are mixed instead of the result.
    """

    widths: tuple[int, int, int, int] = (256, 128, 64, 32)
    kernels: tuple[int, int, int, int] = (5, 5, 3, 3)
    fold: int = 1
    mixes: bool = False


PRESETS: dict[str, Shape] = {
    'paper': Shape(),
    'medium': Shape((64, 32, 16, 16)),
    'narrow': Shape((16, 16, 16, 16)),
    'realtime': Shape((8, 8, 8, 8), (3, 3, 3, 3), fold=2, mixes=True),
}


class Generator(nn.Module):
    """Fuse an infrared and a visible image into one.

    Five convolutions of 5x5, 5x5, 3x3, 3x3 (unless the shape says otherwise) and 1x1 with stride 1
    and same padding, LeakyReLU after the first four and tanh after the last. The first sees both
    images; the infrared one is concatenated again to the inputs of the second and third, the
    visible one to the inputs of the fourth and fifth.

    With ``fold`` = r the same network runs on images whose r x r neighbouring pixels stand in
    channels, at 1/r of the resolution: it costs about r*r times less, and as the visible skip
    carries every pixel to the last convolution no resolution is lost. ``fold`` = 1 is the paper's
    network.

    If the network mixes, the last layer gives three maps and no tanh follows: the fused image is
    the first times the infrared image, plus the second times the visible one, plus the third,
    limited to [-1, 1]. So even a few filters keep each image's texture undistorted.

    :param shape: filters, kernels, fold and what the last layer does.
    """

    def __init__(self, shape: Shape = PRESETS['paper']) -> None:
        super().__init__()
        widths, kernels, self.fold, self.mixes = shape
        image = self.fold * self.fold
        inputs = [2 * image, *(width + image for width in widths[:3])]
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            nn.Conv2d(channels, width, kernel, padding=kernel // 2)
            for channels, width, kernel in zip(inputs, widths, kernels, strict=True)
        )
        maps = 3 if self.mixes else 1
        self.conv5 = nn.Conv2d(widths[3] + image, maps * image, 1)
        self.activation = nn.LeakyReLU(0.2)
        if self.mixes:
            # Near the average of the images, so that no pixel starts beyond the limits.
            with torch.no_grad():
                self.conv5.weight.mul_(0.3)
                self.conv5.bias.copy_(torch.tensor([0.5, 0.5, 0.0]).repeat_interleave(image))

    @classmethod
    def from_preset(cls, name: str) -> 'Generator':
        """Build the generator of a preset.

        :param name: a key of ``PRESETS``.
        :raises KeyError: for an unknown name.
        """
        return cls(PRESETS[name])

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        """Fuse a batch.

        :param ir: (N, 1, H, W) infrared images in [-1, 1].
        :param vis: (N, 1, H, W) visible luminance in [-1, 1], aligned with ``ir``.
        :return: (N, 1, H, W) fused images in [-1, 1], for any H and W.
        """
        height, width = ir.shape[-2:]
        ir, vis = self._fold(ir), self._fold(vis)
        both = torch.cat([ir, vis], dim=1)
        x = self.activation(self.conv1(both))
        x = self.activation(self.conv2(torch.cat([x, ir], dim=1)))
        x = self.activation(self.conv3(torch.cat([x, ir], dim=1)))
        x = self.activation(self.conv4(torch.cat([x, vis], dim=1)))
        x = torch.cat([x, vis], dim=1)
        x = self._mix(x, both) if self.mixes else torch.tanh(self.conv5(x))
        if self.fold == 1:
            return x
        return functional.pixel_shuffle(x, self.fold)[..., :height, :width]

    def _mix(self, x: Tensor, both: Tensor) -> Tensor:
        """Apply the last layer and mix the images.

        :param x: input of the last layer.
        :param both: infrared and visible image.
        """
        image = self.fold * self.fold
        weight, bias = self.conv5.weight, self.conv5.bias
        shares = functional.conv2d(x, weight[: 2 * image], bias[: 2 * image])
        rest = functional.conv2d(x, weight[2 * image :], bias[2 * image :])
        # Adding up as a convolution spares the engines copies of the parts.
        pairs = torch.eye(image, dtype=x.dtype, device=x.device).repeat(1, 2)[..., None, None]
        return (rest + functional.conv2d(shares * both, pairs)).clamp(-1, 1)

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
