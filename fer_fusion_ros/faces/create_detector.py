"""Choose the face detector."""

from pathlib import Path

from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.faces.face_detector import FaceDetector
from fer_fusion_ros.faces.haar_detector import HaarDetector
from fer_fusion_ros.faces.yunet_detector import YuNetDetector

DETECTORS: tuple[str, ...] = ('haar', 'yunet')
"""Names that `create_detector` takes."""


def create_detector(
    name: str = 'haar', model: str | Path = '', min_size: float = 40.0
) -> FaceDetector:
    """
    Make a face detector.

    :param name: one of `DETECTORS`.
    :param model: YuNet's model file.
    :param min_size: width in pixels of the smallest face to look for.
    :raises ConfigurationError: if the name is none of them, or YuNet's file is missing.
    """
    if name == 'haar':
        return HaarDetector(min_size)
    if name == 'yunet':
        return YuNetDetector(model, min_size)
    raise ConfigurationError(f'detector is {name!r}; choose one of {", ".join(DETECTORS)}')
