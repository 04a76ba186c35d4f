"""Face detection that needs no download."""

import numpy as np

from fer_fusion_ros.faces.detection import Detection
from fer_fusion_ros.faces.face_detector import FaceDetector


class HaarDetector(FaceDetector):
    """Find frontal faces with the cascade that comes with OpenCV.

    :param min_size: width in pixels of the smallest face to look for.
    :raises ConfigurationError: if OpenCV came without its cascades.
    """

    def __init__(self, min_size: float = 40.0) -> None:
        raise NotImplementedError

    def detect(
        self, image: np.ndarray, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """Find the faces; see `FaceDetector.detect`."""
        raise NotImplementedError
