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
    :ivar bands: sides of windows in blocks, odd and growing. If there are any, the last layer does
        not give the result but how the two images and their means over these windows are mixed.
    """

    widths: tuple[int, int, int, int] = (256, 128, 64, 32)
    kernels: tuple[int, int, int, int] = (5, 5, 3, 3)
    fold: int = 1
    bands: tuple[int, ...] = ()


PRESETS: dict[str, Shape] = {
    'paper': Shape(),
    'narrow': Shape((16, 16, 16, 16)),
    'realtime': Shape((16, 16, 8, 8), (3, 3, 3, 3), fold=2, bands=(5, 13)),
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

    With ``bands`` the last layer sees both images and their local means, and gives a share for
    each of them and a rest; no tanh follows. The fused image is the sum of the images and means
    times their shares, plus the rest, limited to [-1, 1]. So even a few filters keep each image's
    texture undistorted, can choose one image's details beside the other's brightness, and raise
    contrast.

    :param shape: filters, kernels, fold and what the last layer does.
    """

    def __init__(self, shape: Shape = PRESETS['paper']) -> None:
        super().__init__()
        self.shape = shape
        widths, kernels, self.fold, self.bands = shape
        image = self.fold * self.fold
        inputs = [2 * image, *(width + image for width in widths[:3])]
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            nn.Conv2d(channels, width, kernel, padding=kernel // 2)
            for channels, width, kernel in zip(inputs, widths, kernels, strict=True)
        )
        self.activation = nn.LeakyReLU(0.2)
        if self.bands:
            mixed = 2 * image + 2 * len(self.bands)
            self.conv5 = nn.Conv2d(widths[3] + mixed, mixed + image, 1)
            # Near the average of the images, so that no pixel starts beyond the limits.
            with torch.no_grad():
                self.conv5.weight.mul_(0.3)
                self.conv5.bias.zero_()
                self.conv5.bias[: 2 * image] = 0.5
        else:
            self.conv5 = nn.Conv2d(widths[3] + image, image, 1)

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
        if self.bands:
            x = self._mix(x, both)
        else:
            x = torch.tanh(self.conv5(torch.cat([x, vis], dim=1)))
        if self.fold == 1:
            return x
        return functional.pixel_shuffle(x, self.fold)[..., :height, :width]

    def _mix(self, x: Tensor, both: Tensor) -> Tensor:
        """Apply the last layer and mix the images and their means.

        :param x: output of the fourth layer.
        :param both: infrared and visible image, folded.
        """
        # Fixed convolutions and sums of convolutions spare the engines copies of the parts.
        image = self.fold * self.fold
        one = torch.eye(2, dtype=x.dtype, device=x.device).repeat_interleave(image, 1) / image
        means = [functional.conv2d(both, one[..., None, None])]
        for side in self.bands:
            means.append(_local_mean(means[-1], side))
        mixed = torch.cat([both, *means[1:]], dim=1)
        # Not the tensors' own numbers of channels, which an export takes for variables.
        features, shares = self.conv4.out_channels, self.conv5.out_channels - image

        def conv5(maps: slice) -> Tensor:
            weight, bias = self.conv5.weight[maps], self.conv5.bias[maps]
            y = functional.conv2d(x, weight[:, :features], bias)
            return y + functional.conv2d(mixed, weight[:, features:])

        pixels = torch.eye(image, dtype=x.dtype, device=x.device).repeat(1, 2)
        total = torch.cat([pixels, pixels.new_ones(image, shares - 2 * image)], dim=1)
        mix = functional.conv2d(conv5(slice(shares)) * mixed, total[..., None, None])
        return (conv5(slice(shares, None)) + mix).clamp(-1, 1)

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


def _local_mean(image: Tensor, side: int) -> Tensor:
    """Average over square windows, at the border over what lies within the image."""
    for kernel in ((side, 1), (1, side)):
        padding = (kernel[0] // 2, kernel[1] // 2)
        image = functional.avg_pool2d(image, kernel, 1, padding, count_include_pad=False)
    return image
