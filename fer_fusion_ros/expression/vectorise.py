"""The expression network in a form that suits the vector units of a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_fusion_ros.expression.pyconv_se18 import PyConvSE18, PyConvSEBlock, standardise

_BLOCKS = {1: (4, 4), 2: (2, 4), 4: (2, 2)}
"""Height and width in pixels of the blocks in which convolutions are computed, by their number of
filters in a group. Engines fill the vectors of a CPU with the filters of one group, and those of
AVX-512 hold 16; with 8 filters blocks of two pixels gain nothing."""


@torch.no_grad()
def vectorise(network: PyConvSE18) -> nn.Module:
    """
    Compute the same in another way: eight faces 1.6 times as fast with AVX-512, 1.3 with AVX2.

    Normalisations become part of convolutions; groups of few filters are computed in blocks of
    pixels; and where faces have become so small that their rows leave vectors empty, the faces of
    a batch stand side by side. What pays was measured with OpenVINO.

    :param network: in evaluation mode; not changed.
    :return: a network with the same results, for inference alone.
    """
    *blocks, first, second = network.blocks
    return nn.Sequential(
        _Standardise(),
        NormalisedConv2d(*network.stem[:2]),
        nn.ReLU(),
        *(_Block(block) for block in blocks),
        _LastStage(_Block(first), _Block(second)),
        network.fc,
    ).eval()


class _Standardise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return standardise(x)


class _Block(nn.Module):
    """A block of the network without normalisations, its gate made of convolutions."""

    def __init__(self, block: PyConvSEBlock) -> None:
        super().__init__()
        levels, start = [], 0
        for level in block.pyconv.levels:
            convolution = NormalisedConv2d(level, block.bn1, start)
            start += level.out_channels
            size = _BLOCKS.get(level.out_channels // level.groups)
            levels.append(
                BlockConv2d(convolution, size) if size else nn.Sequential(convolution, nn.ReLU())
            )
        self.levels = nn.ModuleList(levels)
        self.pointwise = NormalisedConv2d(block.pointwise, block.bn2)
        down, _, up, _ = block.se.gate
        self.gate = nn.Sequential(_pointwise(down), nn.ReLU(), _pointwise(up), nn.Sigmoid())
        self.shortcut = (
            block.shortcut
            if isinstance(block.shortcut, nn.Identity)
            else NormalisedConv2d(*block.shortcut)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.residual(x)
        # Engines compute the mean over a window much faster than that over whole axes.
        y = y * self.gate(F.avg_pool2d(y, _size(y)))
        return torch.relu(y + self.shortcut(x))

    def residual(self, x: Tensor) -> Tensor:
        """Return what is to be gated."""
        return self.pointwise(torch.cat([level(x) for level in self.levels], dim=1))


class _LastStage(nn.Module):
    """
    The last two blocks and the mean, for all faces of a batch in one row.

    Between the faces are columns of zeros, as there would be around each of them: with three
    pixels in a row of one face, engines would fetch the weights again for every three pixels.
    """

    def __init__(self, first: _Block, second: _Block) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs)."""
        _, columns = _size(x)
        width = -(-columns // 2)
        # At least one column of zeros is left after the first block's stride of 2.
        gap = 2 + columns % 2
        period = (columns + gap) // 2
        ones = torch.ones_like(x[:, :1, :1, :width])
        mask = _in_a_row(F.pad(ones, (0, period - width)))
        x = _in_a_row(F.pad(x, (0, gap)))
        x = self._run(self.first, x, width, period) * mask
        x = self._run(self.second, x, width, period)
        return _means(x, width, period)[0, :, 0].T

    def _run(self, block: _Block, x: Tensor, width: int, period: int) -> Tensor:
        y = block.residual(x)
        gate = block.gate(_means(y, width, period))
        y = y * F.interpolate(gate, scale_factor=(1.0, float(period)), mode='nearest')
        return torch.relu(y + block.shortcut(x))


def _in_a_row(x: Tensor) -> Tensor:
    """Map (N, C, H, W) to (1, C, H, N * W)."""
    return x.permute(1, 2, 0, 3).flatten(2)[None]


def _means(x: Tensor, width: int, period: int) -> Tensor:
    """Map faces in a row (1, C, H, N * period) to the means of each one's columns (1, C, 1, N)."""
    return F.avg_pool2d(x, (_size(x)[0], width), (1, period))


def _size(x: Tensor) -> list[int]:
    """Return height and width, in an export as constants."""
    return [int(length) for length in x.shape[2:]]


def _pointwise(linear: nn.Linear) -> nn.Conv2d:
    """Return a linear layer as a convolution, so that the memory's layout stays as it is."""
    convolution = nn.Conv2d(linear.in_features, linear.out_features, 1).to(linear.weight)
    convolution.load_state_dict({'weight': linear.weight[:, :, None, None], 'bias': linear.bias})
    return convolution


class NormalisedConv2d(nn.Module):
    """
    A convolution and the normalisation behind it.

    The scale stays apart from the weights, whose rounding to half precision then changes nothing;
    engines multiply the two when they load the network.

    :param convolution: without bias.
    :param norm: behind it.
    :param start: first of the channels of the normalisation that are the convolution's.
    """

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d, start: int = 0) -> None:
        super().__init__()
        own = slice(start, start + convolution.out_channels)
        self.weight = convolution.weight
        self.scale = nn.Parameter(norm.weight[own] * (norm.running_var[own] + norm.eps).rsqrt())
        self.bias = nn.Parameter(norm.bias[own] - norm.running_mean[own] * self.scale)
        (self.stride, _), (self.padding, _) = convolution.stride, convolution.padding
        self.groups = convolution.groups

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, filters, H', W')."""
        weight = self.weight * self.scale[:, None, None, None]
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, groups=self.groups)


class BlockConv2d(nn.Module):
    """
    A convolution and ReLU that gives a block of neighbouring pixels as channels at first.

    Each group then has as many times more filters as a block has pixels. The kernel spans what
    all pixels of the block need: somewhat more arithmetic, done several times as fast.

    :param convolution: with an odd square kernel, padded by half of it.
    :param block: height and width of a block in pixels.
    """

    def __init__(self, convolution: NormalisedConv2d, block: tuple[int, int]) -> None:
        super().__init__()
        self.block, self.groups = block, convolution.groups
        self.stride, self.radius = convolution.stride, convolution.padding
        kernels = convolution.weight
        side = kernels.shape[-1]
        rows, columns = (side + self.stride * (length - 1) for length in block)
        weight = kernels.new_zeros(len(kernels), *block, kernels.shape[1], rows, columns)
        for i in range(block[0]):
            for j in range(block[1]):
                y, x = i * self.stride, j * self.stride
                weight[:, i, j, :, y : y + side, x : x + side] = kernels
        self.weight = nn.Parameter(weight.flatten(0, 2))
        self.scale, self.bias = (
            nn.Parameter(values.repeat_interleave(block[0] * block[1]))
            for values in (convolution.scale, convolution.bias)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, filters, ceil(H / stride), ceil(W / stride))."""
        size = [-(-length // self.stride) for length in _size(x)]
        # Pixels by which whole blocks exceed the result are before and behind it.
        before = [-(-(-length % side) // 2) for length, side in zip(size, self.block, strict=True)]
        y = F.conv2d(
            x,
            self.weight * self.scale[:, None, None, None],
            self.bias,
            [self.stride * side for side in self.block],
            [self.radius + self.stride * length for length in before],
            groups=self.groups,
        )
        rows, columns = self.block
        y = torch.relu(y)
        if rows == columns:
            y = F.pixel_shuffle(y, rows)
        else:
            y = y.unflatten(1, (-1, rows, columns)).permute(0, 1, 4, 2, 5, 3)
            y = y.flatten(4, 5).flatten(2, 3)
        top, left = before
        return y[:, :, top : top + size[0], left : left + size[1]]
