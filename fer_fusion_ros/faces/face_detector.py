"""What every face detector offers."""

from abc import ABC, abstractmethod

import numpy as np

from fer_fusion_ros.faces.detection import Detection


class FaceDetector(ABC):
    """Find faces in an image."""

    @abstractmethod
    def detect(
        self, image: np.ndarray, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """Find the faces.

        :param image: (H, W) grey or (H, W, 3) BGR uint8, any size.
        :param size_range: smallest and largest face width to look for, in pixels; the
            detector's own range when None.
        :return: surest first, in pixels of ``image``.
        """
