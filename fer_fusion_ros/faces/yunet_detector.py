"""Face detection by a small network, in OpenCV's DNN module."""

from pathlib import Path

import numpy as np

from fer_fusion_ros.faces.detection import Detection
from fer_fusion_ros.faces.face_detector import FaceDetector


class YuNetDetector(FaceDetector):
    """Find faces with YuNet, also in profile and partly covered.

    :param model: ``face_detection_yunet_2023mar.onnx``.
    :param min_score: 0..1; detections below it are left out.
    :raises ConfigurationError: if the file is missing or OpenCV cannot read it.
    """

    def __init__(self, model: str | Path, min_score: float = 0.7) -> None:
        raise NotImplementedError

    def detect(
        self, image: np.ndarray, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """Find the faces; see `FaceDetector.detect`."""
        raise NotImplementedError
