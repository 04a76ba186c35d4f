"""Batches of augmented faces, a pure function of seed, epoch, step and process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from fer_fusion_ros.expression.data.augmentation import Augmentation
from fer_fusion_ros.expression.data.faces import Faces
from fer_fusion_ros.expression.data.mixing import Mixing
from fer_fusion_ros.expression.data.modalities import Modalities


@dataclass(frozen=True)
class Batches(Dataset):
    """
    Shuffled, augmented batches of a set of faces.

    What comes out depends on the arguments alone and not on any hidden state, which is what makes
    a resumed training the same as an uninterrupted one.

    :param faces: the training set; it stays in memory.
    :param batch_size: faces per step, over all processes.
    :param size: height and width of the crops in pixels.
    :param mean: subtracted from the crops in 0..1.
    :param std: by which they are divided.
    :param augmentation: of geometry and tone.
    :param modalities: shares of dim, infrared and fused faces.
    :param seed: of everything random.
    :param rank: this process.
    :param processes: that share a batch.
    :param fuse: see `Modalities`.
    :param soft_share: weight of the faces' soft labels beside the labels.
    :param mixing: of the faces with one another.
    :param mixed_epochs: how many epochs, from the first, have mixed faces.
    """

    faces: Faces
    batch_size: int
    size: int
    mean: float
    std: float
    augmentation: Augmentation
    modalities: Modalities
    seed: int = 0
    rank: int = 0
    processes: int = 1
    fuse: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    soft_share: float = 0.0
    mixing: Mixing = field(default_factory=Mixing)
    mixed_epochs: int = 0

    def __len__(self) -> int:
        """Return the number of steps of an epoch; an incomplete last batch is left out."""
        return max(1, len(self.faces) // self.batch_size)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """
        Yield the steps of an epoch.

        :return: faces (n, 1, size, size) float32 normalised, labels (n,) int64, what is to be
            told (n, 7) float32, distributions, and the crowd's distributions (n, 7) float32, zeros
            where there are no votes; n is this process's share of the batch.
        """
        return (self[number * len(self) + step] for step in range(len(self)))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return one step, counted from the first of epoch 0."""
        epoch, step = divmod(index, len(self))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.faces))
        rows = order[step * self.batch_size : (step + 1) * self.batch_size]
        rows = rows[self.rank :: self.processes]
        rng = np.random.default_rng((self.seed, epoch, step, self.rank))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        images = self.faces.images[rows].astype(np.float32) / 255
        images = self.modalities(images, rng, self.fuse)
        crops = self.augmentation(torch.from_numpy(images)[:, None], self.size, generator)
        labels = torch.from_numpy(self.faces.labels[rows])
        targets = F.one_hot(labels, len(self.faces.classes)).float()
        if self.faces.soft is not None:
            targets.lerp_(torch.from_numpy(self.faces.soft[rows]), self.soft_share)
        crowd = self.faces.crowd
        votes = torch.zeros(len(rows), 7) if crowd is None else torch.from_numpy(crowd[rows])
        if epoch < self.mixed_epochs:
            crops, (targets, votes) = self.mixing(crops, (targets, votes), rng)
        return (crops - self.mean) / self.std, labels, targets, votes


class Loader:
    """
    Yields the same batches as `Batches.epoch`, made ahead by other processes.

    :param batches: what to make.
    :param workers: processes; they live as long as this object.
    """

    def __init__(self, batches: Batches, workers: int) -> None:
        self._indices: list[int] = []
        self._steps = len(batches)
        self._loader = DataLoader(
            batches,
            batch_size=None,
            sampler=self._indices,
            num_workers=workers,
            # All processes share the one copy of the training set.
            multiprocessing_context='fork',
            worker_init_fn=lambda _: cv2.setNumThreads(0),
            pin_memory=torch.cuda.is_available(),
            prefetch_factor=4,
            persistent_workers=True,
        )

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Yield the steps of an epoch."""
        self._indices[:] = range(number * self._steps, (number + 1) * self._steps)
        return iter(self._loader)
