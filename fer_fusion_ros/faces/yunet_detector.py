"""Face detection by a small network, in OpenCV's DNN module."""

import math
from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.faces.detection import Detection
from fer_fusion_ros.faces.face_detector import FaceDetector

_FACE = 20
"""Width in pixels to which the smallest face is scaled."""

_MIN_SCORE = 0.7
"""Detections that are less sure, 0..1, are left out."""


class YuNetDetector(FaceDetector):
    """
    Find faces with YuNet, also in profile and partly covered.

    :param model: ``face_detection_yunet_2023mar.onnx``.
    :param min_size: width in pixels of the smallest face to look for.
    :raises ConfigurationError: if the file is missing, or OpenCV cannot read or run it.
    """

    def __init__(self, model: str | Path, min_size: float = 40.0) -> None:
        super().__init__(min_size)
        path = Path(model).expanduser()
        if not path.is_file():
            raise ConfigurationError(
                f'the face detector {str(model)!r} is no file; set detector_model to '
                'face_detection_yunet_2023mar.onnx, or detector to haar'
            )
        try:
            self._network = cv2.FaceDetectorYN_create(str(path), '', (320, 320), _MIN_SCORE)
        except cv2.error as error:
            raise ConfigurationError(
                f'OpenCV cannot read {path} ({str(error).splitlines()[0]}); fetch it again'
            ) from error
        try:
            self._network.detect(np.zeros((320, 320, 3), np.uint8))
        except cv2.error as error:
            raise ConfigurationError(
                f'OpenCV {cv2.__version__} cannot run {path}; use OpenCV 4.8 or newer, or set '
                'detector to haar'
            ) from error

    def detect(
        self, image: np.ndarray, size_range: tuple[float, float] | None = None
    ) -> list[Detection]:
        """Find the faces; see `FaceDetector.detect`."""
        smallest, largest = size_range or (self.min_size, float(min(image.shape[:2])))
        scale = _FACE / smallest
        if min(image.shape[:2]) * scale < 1:
            return []  # a strip at the border
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=way)
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        self._network.setInputSize((image.shape[1], image.shape[0]))
        faces = self._network.detect(image)[1]
        if faces is None:
            return []
        detections = [_detection(face / scale, float(face[14])) for face in faces]
        detections.sort(key=lambda face: -face.score)
        return [face for face in detections if smallest <= face.box[2] <= largest]


def _detection(face: np.ndarray, score: float) -> Detection:
    x, y, width, height = (float(value) for value in face[:4])
    # Taller than wide; the Haar cascade's box of the same face has the same centre.
    side = 1.06 * math.sqrt(width * height)
    box = (x + (width - side) / 2, y + (height - side) / 2, side, side)
    return Detection(box, score)
