"""Mix faces with one another: a network then learns fewer labels by heart."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fer_fusion_ros.learning.config import check_ranges, check_shares


@dataclass(frozen=True)
class Mixing:
    """
    How often a face is mixed with the next one of its batch; the rest stays as it is.

    :param mixup: share blended with the other (Zhang et al., 2018).
    :param cutmix: share that shows the other in a square (Yun et al., 2019).
    :param alpha: both parameters of the beta distribution that a blend's weight is drawn from.
    :param until: share of the epochs, from the first, in which faces are mixed.
    :raises ConfigurationError: if a number is out of its range.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    alpha: float = 0.4
    until: float = 0.8

    def __post_init__(self) -> None:
        check_ranges(self, {'alpha': '(0, inf)', 'until': '[0, 1]'})
        check_shares(self, ('mixup', 'cutmix'))

    def __call__(
        self, crops: Tensor, told: tuple[Tensor, ...], rng: np.random.Generator
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """
        Mix at random. About half of each face or more stays its own.

        :param crops: (N, 1, S, S) float.
        :param told: (N, C) float each, what is to be told of the faces.
        :param rng: source of all randomness.
        :return: the mixed crops, and what is to be told of them: mixed in the same proportion.
        """
        if not self.mixup + self.cutmix:
            return crops, told
        n, size = len(crops), crops.shape[-1]
        draw = rng.random(n)
        blended = draw < self.mixup
        cut = (draw >= self.mixup) & (draw < self.mixup + self.cutmix)
        weight = rng.beta(self.alpha, self.alpha, n)
        own = np.ones((n, size, size), np.float32)
        own[blended] = np.maximum(weight, 1 - weight)[blended, None, None]
        sides = np.rint(size * np.sqrt(rng.uniform(0, 0.5, n)))
        corners = np.floor(rng.random((2, n)) * (size - sides + 1))
        along = np.arange(size)
        rows, columns = (
            (along >= start[:, None]) & (along < (start + sides)[:, None]) for start in corners
        )
        own[cut] = ~(rows[:, :, None] & columns[:, None, :])[cut]
        mixed, share = torch.from_numpy(own)[:, None], torch.from_numpy(own.mean((1, 2)))[:, None]
        return (
            torch.lerp(crops.roll(1, 0), crops, mixed),
            tuple(torch.lerp(each.roll(1, 0), each, share) for each in told),
        )
