"""The fusion discriminator (Fig. 4 of the paper), a Wasserstein critic."""

from collections.abc import Sequence

from torch import Tensor, nn

WIDTHS = (64, 64, 128, 128, 256, 256)
STRIDES = (1, 2, 1, 2, 1, 2)


class Discriminator(nn.Module):
    """Score how much a patch looks like a visible image.

    Six 3x3 convolutions without padding, strides 1-2-1-2-1-2, each with LeakyReLU, then two fully
    connected layers to one unbounded score. There is no sigmoid, since the score estimates a
    Wasserstein distance, and no batch normalisation, since the gradient penalty is per sample.

    :param patch: height and width of the patches, at least 29.
    :param widths: filters of the six convolutions.
    :param hidden: units of the first fully connected layer.
    :raises ValueError: for a patch on which nothing is left after the convolutions.
    """

    def __init__(self, patch: int = 64, widths: Sequence[int] = WIDTHS, hidden: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, side = 1, patch
        for width, stride in zip(widths, STRIDES, strict=True):
            layers += [nn.Conv2d(channels, width, 3, stride), nn.LeakyReLU(0.2)]
            channels, side = width, (side - 3) // stride + 1
        if side < 1:
            raise ValueError(f'A patch of {patch} pixels is too small, use at least 29.')
        self.features = nn.Sequential(*layers)
        self.score = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Score a batch of patches.

        :param image: (N, 1, patch, patch) in [-1, 1].
        :return: (N,) scores, higher for what looks visible.
        """
        return self.score(self.features(image)).squeeze(1)
