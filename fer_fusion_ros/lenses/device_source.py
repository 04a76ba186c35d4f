"""A UVC camera or another V4L2 device."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping

import cv2
import numpy as np

from fer_fusion_ros.exceptions import LensError
from fer_fusion_ros.lenses.lens_source import LensSource

_logger = logging.getLogger(__name__)

_PARAMETERS = {
    cv2.CAP_PROP_FOURCC: 'pixel_format',
    cv2.CAP_PROP_FRAME_WIDTH: 'width',
    cv2.CAP_PROP_FRAME_HEIGHT: 'height',
    cv2.CAP_PROP_FPS: 'frame_rate',
}


class DeviceSource(LensSource):
    """Read a camera of this computer through V4L2.

    :param device: such as ``/dev/video0``, or a link to it below ``/dev/v4l/by-id``, which stays
        the same when cameras are plugged in in another order.
    :param rate: frames per second to ask for; 0 for the device's own.
    :param width, height: size in pixels to ask for, both or none; 0 for the device's own.
    :param pixel_format: four characters to ask for, such as MJPG; '' for the device's own.
    :raises LensError: when the format has not four characters.
    """

    def __init__(
        self,
        lens: str,
        device: str,
        *,
        rate: float = 0.0,
        width: int = 0,
        height: int = 0,
        pixel_format: str = '',
    ) -> None:
        super().__init__(lens, device)
        if pixel_format and not (len(pixel_format) == 4 and pixel_format.isascii()):
            raise LensError(
                f'pixel_format is {pixel_format!r}; give four characters such as MJPG or YUYV, '
                f'which `v4l2-ctl --list-formats -d {device}` lists, or none'
            )
        code = cv2.VideoWriter_fourcc(*pixel_format) if pixel_format else 0
        # The format first: it decides which sizes and rates there are.
        wishes = {
            cv2.CAP_PROP_FOURCC: code,
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_FPS: rate,
        }
        self._wishes = {key: wish for key, wish in wishes.items() if wish}
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        """Open the device and ask for the format, the size and the rate."""
        if not os.path.exists(self.name):
            raise LensError(
                f'{self.name} does not exist; plug the camera in, or choose one of those that '
                '`ls /dev/v4l/by-id` lists'
            )
        if not os.access(self.name, os.R_OK | os.W_OK):
            raise LensError(
                f'{self.name} may not be opened by this user; '
                'run `sudo usermod -aG video $USER` and log in again'
            )
        self._capture = cv2.VideoCapture(os.path.realpath(self.name), cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise LensError(
                f'{self.name} gives no images; see with `fuser {self.name}` whether another '
                'program uses it, and choose another number if it is the metadata of a camera'
            )
        for key, wish in self._wishes.items():
            self._capture.set(key, wish)
        given = {key: self._capture.get(key) for key in self._wishes}
        # Drivers tell 29.97 frames per second for 30.
        if any(not abs(given[key] - wish) < 0.5 for key, wish in self._wishes.items()):
            _logger.warning(
                '%s gives %s, but %s was asked for; see `v4l2-ctl --list-formats-ext -d %s`',
                self.name,
                _in_words(given),
                _in_words(self._wishes),
                self.name,
            )

    def _read(self) -> tuple[np.ndarray, int]:
        if not self._capture.grab():
            raise LensError(f'{self.name} stopped giving images; see whether it is plugged in')
        # The driver's stamp of the buffer, on the monotonic clock.
        age_ns = time.monotonic_ns() - int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        stamp_ns = time.time_ns()
        if 0 < age_ns < 1_000_000_000:
            stamp_ns -= age_ns
        done, image = self._capture.retrieve()
        if not done:
            raise LensError(f'{self.name} sent a damaged image; try another cable or USB port')
        return image, stamp_ns

    def close(self) -> None:
        """Close the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


def _in_words(values: Mapping[int, float]) -> str:
    """Return properties of a device by the names of the parameters that wish for them."""
    words = []
    for key, value in values.items():
        word = f'{value:g}'
        if key == cv2.CAP_PROP_FOURCC:
            word = (int(value) & 0xFFFFFFFF).to_bytes(4, 'little').decode('ascii', 'replace')
        words.append(f'{_PARAMETERS[key]} {word}')
    return ', '.join(words)
