"""How the picture moves under the faces, as when a robot turns its head."""

import math

import cv2
import numpy as np

from fer_fusion_ros.faces.detection import Box
from fer_fusion_ros.grey import displacement, to_grey
from fer_fusion_ros.registration.warped_image import ImageView

_SCALE = 8
"""Pixels to one of the small copies, across and down; images are of 640x480 or so."""

_SMALLEST = 8 * _SCALE
"""Height and width of an image in which there is anything to compare."""

_AROUND = 2.0
"""Width of the area around a face that is compared, in face widths."""

_LIKE = 0.6
"""Correlation of what is around a face with what was there before the shift, from which the shift
is believed, if without it they are less alike: it may be that of a person who walks by."""


class CameraMotion:
    """Measure the shift from each picture to the next, by phase correlation of small copies."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the pictures."""
        self._last: np.ndarray | None = None
        self._now: np.ndarray | None = None
        self._moved: tuple[float, float] | None = None  # measured when it is asked for

    def update(self, image: ImageView) -> None:
        """
        Take in the next picture.

        :param image: (H, W) or (H, W, 3) BGR uint8; of another size it has nothing in common with
            the last.
        """
        if min(image.shape[:2]) < _SMALLEST:
            self.reset()
            return
        # Heads turn to the sides: there the copy is the mean of two pixels, not one.
        part = to_grey(image[::_SCALE, :: _SCALE // 2])
        small = cv2.resize(part, None, fx=0.5, fy=1, interpolation=cv2.INTER_AREA)
        self._last, self._now = self._now, small.astype(np.float32)
        self._moved = None

    def shift(self, box: Box) -> tuple[float, float]:
        """
        Return by how many pixels what is around a box moved, to the right and down.

        :param box: x, y, width, height in pixels of the picture before.
        :return: zeros where no shift of the whole picture explains the change.
        """
        if self._last is None or self._last.shape != self._now.shape:
            return 0.0, 0.0
        if self._moved is None:
            self._moved, _ = displacement(self._last, self._now)
        x, y = map(round, self._moved)
        if not (x or y):
            return 0.0, 0.0
        height, width = self._now.shape
        columns = _span(box[0] + box[2] / 2, box[2], x, width)
        rows = _span(box[1] + box[3] / 2, box[3], y, height)
        if columns[0] >= columns[1] or rows[0] >= rows[1]:
            return 0.0, 0.0
        there = slice(*rows), slice(*columns)
        before = slice(rows[0] - y, rows[1] - y), slice(columns[0] - x, columns[1] - x)
        now = self._now[there]
        like = _likeness(self._last[before], now)
        if like < _LIKE or like < _likeness(self._last[there], now):
            return 0.0, 0.0
        return _SCALE * self._moved[0], _SCALE * self._moved[1]


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two pictures, also where the light changed; 0 of flat ones."""
    one, other = one - one.mean(), other - other.mean()
    scale = math.sqrt(float((one * one).sum()) * float((other * other).sum()))
    return float((one * other).sum()) / scale if scale else 0.0


def _span(centre: float, size: float, shift: int, length: int) -> tuple[int, int]:
    """Return where an area around a face is after a shift, as far as it is in both pictures."""
    start = math.floor((centre - _AROUND * size / 2) / _SCALE) + shift
    end = math.ceil((centre + _AROUND * size / 2) / _SCALE) + shift
    return max(start, shift, 0), min(end, length + shift, length)
