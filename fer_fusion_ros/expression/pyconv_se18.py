"""PyConv-SE18, the paper's expression network (figure 5)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fer_fusion_ros.expression.labels import LABELS

Stages = tuple[tuple[tuple[int, int, int], ...], ...]
"""(kernel, groups, filters) of each level of the pyramid, by stage."""

STAGES: Stages = (
    ((3, 1, 16), (5, 4, 16), (7, 8, 16), (9, 16, 16)),
    ((3, 1, 64), (5, 4, 32), (7, 8, 32)),
    ((3, 1, 128), (5, 4, 128)),
    ((3, 1, 512),),
)
"""The paper's."""

WIDE: Stages = (((3, 1, 64),), ((3, 1, 192),), ((3, 1, 384),), ((3, 1, 512),))
"""Without pyramids: a residual network with squeeze and excitation."""

PRESETS: dict[str, tuple[int, Stages]] = {
    'stride1': (1, STAGES),
    'stride2': (2, STAGES),
    'wide': (1, WIDE),
}
"""Stride of the 7x7 stem, and the stages. At 44x44 they see 44-22-11-6 pixels at 0.5 GMAC with
`stride1`, and 22-11-6-3 at a quarter of that with `stride2`; `wide` is another teacher for them,
which a graphics card trains in two thirds of the time of `stride1`."""


class PyConv(nn.Module):
    """
    Convolve with several kernel sizes at once and concatenate (Duta et al., 2020).

    :param inputs: channels in.
    :param levels: (kernel size, groups, filters) of each level.
    :param stride: stride of every level.
    """

    def __init__(
        self, inputs: int, levels: tuple[tuple[int, int, int], ...], stride: int = 1
    ) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, groups=groups, bias=False)
            for kernel, groups, filters in levels
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, sum of filters, ceil(H / stride), ceil(W / stride))."""
        if not self.training:
            return torch.cat([level(x) for level in self.levels], dim=1)
        if x.device.type == 'cuda' and len(self.levels) > 2:
            return self._dense(x)
        if sum(level.groups > 1 for level in self.levels) > 1:
            return torch.cat([self.levels[0](x), self._grouped_at_once(x)], dim=1)
        if len(self.levels) == 1 and x.shape[2] * x.shape[3] < 64 and x.device.type == 'cpu':
            return _conv_by_product(x, self.levels[0])
        return torch.cat([level(x) for level in self.levels], dim=1)

    def _dense(self, x: Tensor) -> Tensor:
        # A graphics card takes half as long for one dense kernel, most of it zeros, as for many
        # groups of few channels.
        weight = merged_weight(list(self.levels), 1)
        stride, margin = self.levels[0].stride, weight.shape[-1] // 2
        return nn.functional.conv2d(x, weight, stride=stride, padding=margin)

    def _grouped_at_once(self, x: Tensor) -> Tensor:
        # Many small groups leave a CPU's vector lanes empty: merged, the whole network trains a
        # fifth faster.
        levels = [level for level in self.levels if level.groups > 1]
        groups = min(level.groups for level in levels)
        weight = merged_weight(levels, groups)
        y = nn.functional.conv2d(
            x,
            weight,
            stride=levels[0].stride,
            padding=weight.shape[-1] // 2,
            groups=groups,
        )
        # From group-major to level-major order, keeping the memory channels-last.
        filters = [level.out_channels // groups for level in levels]
        by_level = y.permute(0, 2, 3, 1).unflatten(3, (groups, -1)).split(filters, dim=4)
        return torch.cat([level.flatten(3) for level in by_level], dim=3).permute(0, 3, 1, 2)


def _conv_by_product(x: Tensor, level: nn.Conv2d) -> Tensor:
    # On few pixels, as `stride2`'s last stage sees, oneDNN's gradients of a convolution take three
    # times as long as those of one matrix product.
    (side, _), (margin, _), (stride, _) = level.kernel_size, level.padding, level.stride
    x = nn.functional.pad(x.permute(0, 2, 3, 1), (0, 0) + (margin,) * 4)
    windows = x.unfold(1, side, stride).unfold(2, side, stride).permute(0, 1, 2, 4, 5, 3)
    y = windows.flatten(3) @ level.weight.permute(0, 2, 3, 1).flatten(1).T
    return y.permute(0, 3, 1, 2)


def merged_weight(levels: Sequence[nn.Conv2d], groups: int) -> Tensor:
    """
    Return the weight of the one convolution that does what several do.

    Its kernel is as large as their largest, and zero where they have none.

    :param levels: convolutions of the same input and stride.
    :param groups: of the result; divides the groups of each level.
    :return: (sum of filters, inputs / groups, side, side); in each group the filters of the first
        level come first.
    """
    side = max(level.kernel_size[0] for level in levels)
    weights = []
    for level in levels:
        parts = level.groups // groups
        margin = (side - level.kernel_size[0]) // 2
        weight = level.weight.unflatten(0, (groups, parts, -1))
        eye = torch.eye(parts, device=weight.device, dtype=weight.dtype)
        weight = torch.einsum('gpoihw,pq->gpoqihw', weight, eye)
        weights.append(nn.functional.pad(weight.flatten(3, 4).flatten(1, 2), (margin,) * 4))
    return torch.cat(weights, dim=1).flatten(0, 1)


class SqueezeExcitation(nn.Module):
    """
    Weigh the channels by a gate computed from their means (figure 1).

    :param channels: channels in and out.
    :param reduction: how many times narrower the hidden layer is.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scale (N, C, H, W) by its (N, C) gate in 0..1."""
        return x * self.gate(x.mean((2, 3)))[:, :, None, None]


class PyConvSEBlock(nn.Module):
    """
    Residual block: PyConv, BN, ReLU, 1x1 convolution, BN, SE, add, ReLU.

    :param inputs: channels in.
    :param levels: the PyConv's levels; their filters sum to the channels out.
    :param stride: stride of the PyConv and of the projected shortcut.
    """

    def __init__(
        self, inputs: int, levels: tuple[tuple[int, int, int], ...], stride: int = 1
    ) -> None:
        super().__init__()
        outputs = sum(filters for _, _, filters in levels)
        self.pyconv = PyConv(inputs, levels, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.pointwise = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.se = SqueezeExcitation(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y = torch.relu(self.bn1(self.pyconv(x)))
        y = self.se(self.bn2(self.pointwise(y)))
        return torch.relu(y + self.shortcut(x))


def standardise(x: Tensor) -> Tensor:
    """
    Give each face the same brightness and contrast, so that light and lens hardly matter.

    What is in the middle counts most: near infrared leaves little contrast on a face, but makes
    hair and what lies behind it dark.

    :param x: (N, 1, H, W) float.
    :return: the same less its mean, divided by its standard deviation, both under a Gaussian
        window with σ a quarter of the side. Where the latter is below about 0.1 there is hardly a
        picture, and its noise is not blown up.
    """
    column, row = (
        torch.exp(-8 * torch.linspace(-0.5, 0.5, side, dtype=x.dtype, device=x.device).square())
        for side in x.shape[2:]
    )
    window = column[:, None] * row
    window = window / window.sum()
    x = x - (x * window).sum((2, 3), keepdim=True)
    return x * ((x.square() * window).sum((2, 3), keepdim=True) + 0.01).rsqrt()


class PyConvSE18(nn.Module):
    """
    Classify a grey face crop by its expression.

    :param preset: stem and stages, one of `PRESETS`.
    :param dropout: share of the pooled features dropped in training.
    :param classes: number of expressions.
    """

    def __init__(
        self, preset: str = 'stride2', dropout: float = 0.0, classes: int = len(LABELS)
    ) -> None:
        super().__init__()
        self.preset = preset
        stem_stride, stages = PRESETS[preset]
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, 7, stem_stride, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        channels = 64
        for index, levels in enumerate(stages):
            for stride in (1 if index == 0 else 2, 1):
                blocks.append(PyConvSEBlock(channels, levels, stride))
                channels = sum(filters for _, _, filters in levels)
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')

    def features(self, x: Tensor) -> Tensor:
        """Map faces (N, 1, H, W), normalised as in training, to (N, 512) pooled features."""
        return self.blocks(self.stem(standardise(x))).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Map faces (N, 1, H, W), normalised as in training, to (N, classes) logits."""
        return self.fc(self.dropout(self.features(x)))
