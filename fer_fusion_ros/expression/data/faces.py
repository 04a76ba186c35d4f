"""A set of labelled face crops in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fer_fusion_ros.exceptions import DataError
from fer_fusion_ros.expression.labels import LABELS


@dataclass(frozen=True)
class Faces:
    """
    Labelled grey face crops of one size.

    :param name: where they come from, for messages: a file or folder, and the split.
    :param images: (N, H, W) uint8.
    :param labels: (N,) int64, index in `classes`.
    :param crowd: (N, 7) float32, share of the crowd's votes per label, zeros where there are
        none; or None.
    :param soft: (N, 7) float32, how probable each label is, or None.
    :param subjects: (N,) int64, who is shown, where that is known.
    :param sequences: (N,) int64, which recording the crop is from, where that is known.
    :param classes: names of the labels.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    crowd: np.ndarray | None = None
    soft: np.ndarray | None = None
    subjects: np.ndarray | None = None
    sequences: np.ndarray | None = None
    classes: tuple[str, ...] = LABELS

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.uint8:
            raise DataError(
                f'{self.name}: images must be uint8 of shape (N, H, W), '
                f'not {self.images.dtype} of shape {self.images.shape}.'
            )
        for field in ('labels', 'crowd', 'soft', 'subjects', 'sequences'):
            rows = getattr(self, field)
            if rows is not None and len(rows) != len(self.images):
                raise DataError(
                    f'{self.name}: {len(self.images)} images but {len(rows)} {field}; '
                    'they must be aligned row by row.'
                )
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.classes)))
        if len(wrong):
            raise DataError(
                f'{self.name}: row {wrong[0]} has the unknown label {self.labels[wrong[0]]}; '
                f'known are 0 to {len(self.classes) - 1}.'
            )

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, rows: np.ndarray) -> 'Faces':
        """Return the faces that `rows` (indices or mask) selects."""
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            **{
                field: values[rows]
                for field in ('crowd', 'soft', 'subjects', 'sequences')
                if (values := getattr(self, field)) is not None
            },
        )

    def check_classes(self, told: Sequence[str]) -> None:
        """Raise a DataError unless the labels are those that a network tells."""
        if self.classes != tuple(told):
            raise DataError(
                f'{self.name} has the labels {", ".join(self.classes)}, but the network tells '
                f'{", ".join(told)}.'
            )

    def found_in(self, other: 'Faces') -> np.ndarray:
        """Return an (N,) bool mask of the faces whose exact pixels also stand in `other`."""
        known = {image.tobytes() for image in other.images}
        return np.array([image.tobytes() in known for image in self.images], bool)

    def repeated(self) -> np.ndarray:
        """Return an (N,) bool mask of the faces whose exact pixels stand in an earlier row."""
        seen: set[bytes] = set()
        mask = np.zeros(len(self), bool)
        for row, image in enumerate(self.images):
            key = image.tobytes()
            mask[row] = key in seen
            seen.add(key)
        return mask


def center_crops(images: np.ndarray, size: int) -> np.ndarray:
    """
    Cut out the centres.

    :param images: (N, H, W) uint8, at least `size` high and wide.
    :return: (N, size, size) uint8, a view.
    """
    top, left = (images.shape[1] - size) // 2, (images.shape[2] - size) // 2
    return images[:, top : top + size, left : left + size]
