"""A UVC camera or another V4L2 device."""

from __future__ import annotations

import os
import time

import cv2
import numpy as np

from fer_fusion_ros.exceptions import LensError
from fer_fusion_ros.lenses.lens_source import LensSource


class DeviceSource(LensSource):
    """Read a camera of this computer through V4L2.

    :param device: such as ``/dev/video0``, or a link to it below ``/dev/v4l/by-id``, which stays
        the same when cameras are plugged in in another order.
    :param rate: frames per second to ask for; 0 for the device's own.
    :param width, height: size in pixels to ask for; 0 for the device's own.
    """

    def __init__(
        self, lens: str, device: str, *, rate: float = 0.0, width: int = 0, height: int = 0
    ) -> None:
        super().__init__(lens, device)
        self._wishes = {
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
            cv2.CAP_PROP_FPS: rate,
        }
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        """Open the device and ask for the size and the rate."""
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
            if wish:
                self._capture.set(key, wish)

    def _read(self) -> tuple[np.ndarray, int]:
        if not self._capture.grab():
            raise LensError(f'{self.name} stopped to give images; see whether it is plugged in')
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
