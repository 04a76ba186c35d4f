"""Haar cascades that come with OpenCV."""

import functools
from pathlib import Path

import cv2

from fer_fusion_ros.exceptions import ConfigurationError

_FOLDERS = ('/usr/share/opencv4/haarcascades', '/usr/local/share/opencv4/haarcascades')
"""Where distributions put the cascades; wheels have them inside."""


@functools.cache
def cascade_file(name: str) -> Path:
    """
    Return the path of a cascade.

    :param name: of its file.
    :raises ConfigurationError: if OpenCV came without its cascades.
    """
    data = getattr(cv2, 'data', None)  # absent from the package of Ubuntu
    folders = ([data.haarcascades] if data else []) + list(_FOLDERS)
    for folder in folders:
        if (path := Path(folder, name)).is_file():
            return path
    raise ConfigurationError(
        f"OpenCV's {name} is in none of {', '.join(folders)}; install opencv-data, "
        "pip install 'opencv-python<5', or set detector to yunet"
    )
