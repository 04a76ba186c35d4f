"""What every face detector offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fer_fusion_ros.faces.detection import Box, Detection
from fer_fusion_ros.registration.warped_image import ImageView


class Window(NamedTuple):
    """
    A part of the search through a frame.

    :ivar area: x, y, width, height in pixels of the part of the image to search.
    :ivar size_range: smallest and largest face width to look for there, in pixels.
    """

    area: tuple[int, int, int, int]
    size_range: tuple[float, float]


class FaceDetector(ABC):
    """
    Find faces in an image.

    :param min_size: width in pixels of the smallest face to look for.
    """

    def __init__(self, min_size: float = 40.0) -> None:
        self.min_size = min_size

    @abstractmethod
    def detect(
        self, image: np.ndarray, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """
        Find the faces.

        :param image: (H, W) grey or (H, W, 3) BGR uint8, any size.
        :param size_range: smallest and largest face width to look for, in pixels; from
            ``min_size`` up when None.
        :return: surest first, in pixels of ``image``.
        """

    def confirm(self, image: ImageView, face: Detection) -> bool:
        """
        Look again, by other means, at what looks like a face that was not there before.

        :param image: (H, W) grey or (H, W, 3) BGR uint8, in which it was found.
        """
        return True

    def windows(self, width: int, height: int) -> list[Window]:
        """Divide the search through a frame into parts that take a few milliseconds each."""
        return [Window((0, 0, width, height), (self.min_size, float(min(width, height))))]

    def search(self, image: ImageView, window: Window) -> list[Detection]:
        """
        Find what may be a face in a part of an image, fast; each will be looked at again.

        :return: as `detect`, in pixels of the whole image.
        """
        return self.detect_in(image, *window)

    def detect_in(
        self, image: ImageView, area: Box, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """
        Find the faces in a part of an image.

        :param area: x, y, width, height in pixels; may reach beyond the image.
        :return: as `detect`, in pixels of the whole image.
        """
        return in_part(image, area, lambda part: self.detect(part, size_range))


def in_part(
    image: ImageView, area: Box, detect: Callable[[np.ndarray], list[Detection]]
) -> list[Detection]:
    """Return what ``detect`` finds in a part of an image, in pixels of the whole."""
    x0, y0 = max(int(area[0]), 0), max(int(area[1]), 0)
    part = image[y0 : max(round(area[1] + area[3]), 0), x0 : max(round(area[0] + area[2]), 0)]
    return [face.moved(x0, y0) for face in detect(part)] if part.size else []
