"""An image seen through a map."""

from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np

Maps = tuple[np.ndarray, np.ndarray]
"""OpenCV's fixed-point maps: (H, W, 2) int16 and (H, W) uint16."""


class WarpedImage:
    """
    An image warped by a map, computed only where it is looked at.

    Faces take up a few per cent of most images, and the rest need not be computed. `image[rows,
    columns]` gives the same pixels as those of the whole image, which `np.asarray` computes once.

    :param image: (H', W') or (H', W', 3) uint8; kept, so it must not change.
    :param maps: from the result's pixels to the image's.
    """

    def __init__(self, image: np.ndarray, maps: Maps) -> None:
        self._image = image
        self._maps = maps
        self._computed = 0
        self.shape = maps[1].shape + image.shape[2:]
        self.ndim = image.ndim
        self.dtype = image.dtype

    def __getitem__(self, where: tuple[slice, slice]) -> np.ndarray:
        """Return a part, by slices of rows and columns."""
        xy, fraction = (each[where] for each in self._maps)
        self._computed += fraction.size
        # Parts overlap; the whole costs less than very many of them.
        if self._computed >= self._maps[1].size:
            return self.whole[where]
        if fraction.size == 0:
            return np.empty(fraction.shape + self.shape[2:], self.dtype)
        return _remap(self._image, xy, fraction)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole image, as `np.asarray` and `np.array` ask for it."""
        return self.whole.astype(self.dtype if dtype is None else dtype, copy=bool(copy))

    @cached_property
    def whole(self) -> np.ndarray:
        """The whole image, computed once."""
        self._computed = self._maps[1].size
        return _remap(self._image, *self._maps)


ImageView: TypeAlias = np.ndarray | WarpedImage
"""An image to cut parts out of, ``view[rows, columns]``; ``np.asarray(view)`` is the whole."""


def _remap(image: np.ndarray, xy: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    return cv2.remap(image, xy, fraction, interpolation=cv2.INTER_LINEAR)
