"""A printed chessboard, and where it is in an image."""

from dataclasses import dataclass

import cv2
import numpy as np

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.grey import to_grey

_SMALL = 640
"""Pixels of the longer side of the copy in which a board is looked for first."""


@dataclass(frozen=True)
class Chessboard:
    """
    A flat chessboard.

    :param columns: inner corners in a row, where four squares meet.
    :param rows: rows of them.
    :param square: side of a square in metres, up to 1.
    :raises CalibrationError: if its corners could not be told apart, or the numbers make no sense.
    """

    columns: int
    rows: int
    square: float

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 3 or self.columns == self.rows:
            raise CalibrationError(
                f'a board of {self.columns}x{self.rows} inner corners will not do: give two '
                'different numbers of at least 3, such as 9x6'
            )
        if not 0 < self.square <= 1:
            raise CalibrationError(
                f'squares of {self.square:g} metres will not do: 25 mm are 0.025 metres'
            )

    def points(self) -> np.ndarray:
        """Return the corners on the board, row by row: (columns * rows, 3) float32 metres."""
        x, y = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        corners = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
        return (corners * self.square).astype(np.float32)

    def find(self, image: np.ndarray) -> np.ndarray | None:
        """
        Find the corners to a fraction of a pixel, row by row.

        Which of two opposite corners is the first may differ from image to image; see `aligned`.

        :param image: (H, W) or (H, W, 3) BGR uint8.
        :return: (columns * rows, 2) float32 pixels, or None when the board is not wholly there.
        """
        corners = self._find(to_grey(image))
        if corners is None:
            return None
        grid = corners.reshape(self.rows, self.columns, 2)
        right, down = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
        if right[0] * down[1] < right[1] * down[0]:
            grid = grid[:, ::-1]  # seen as in a mirror
        return np.ascontiguousarray(grid.reshape(-1, 2))

    def _find(self, image: np.ndarray) -> np.ndarray | None:
        """Find the corners in any order: first in a small copy, which takes a fraction."""
        start = np.zeros(2)
        shrink = _SMALL / max(image.shape)
        if shrink < 1:
            small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
            corners = self._find(small)
            if corners is None:
                return None
            margin = np.ptp(corners, axis=0) * 2 / min(self.columns, self.rows)
            (left, top), (right, bottom) = (
                np.clip(edge / shrink, 0, image.shape[::-1]).astype(int)
                for edge in (corners.min(axis=0) - margin, corners.max(axis=0) + margin)
            )
            start, image = np.array([left, top]), image[top:bottom, left:right]
        flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY
        found, corners = cv2.findChessboardCornersSB(image, (self.columns, self.rows), flags)
        return (corners[:, 0] + start).astype(np.float32) if found else None


def aligned(corners: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return corners in the order in which another lens, turned by less than 90°, has them."""
    turned = np.dot(corners[-1] - corners[0], reference[-1] - reference[0]) < 0
    return np.ascontiguousarray(corners[::-1]) if turned else corners
