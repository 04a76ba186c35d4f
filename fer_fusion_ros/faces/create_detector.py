"""Choose the face detector."""

from pathlib import Path

from fer_fusion_ros.faces.face_detector import FaceDetector

DETECTORS: tuple[str, ...] = ('haar', 'yunet')
"""Names that `create_detector` takes."""


def create_detector(
    name: str = 'haar', model: str | Path | None = None, min_size: float = 40.0
) -> FaceDetector:
    """Make a face detector.

    :param name: one of `DETECTORS`.
    :param model: YuNet's model file.
    :param min_size: width in pixels of the smallest face to look for.
    :raises ConfigurationError: if the name is none of them, or YuNet's file is missing.
    """
    raise NotImplementedError
