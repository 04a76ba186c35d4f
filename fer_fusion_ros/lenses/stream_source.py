"""A network camera, or whatever a GStreamer pipeline brings."""

from __future__ import annotations

import re
import time

import cv2
import numpy as np

from fer_fusion_ros.exceptions import LensError
from fer_fusion_ros.lenses.lens_source import LensSource

GSTREAMER = 'gst:'
"""What the name of a GStreamer pipeline begins with."""

OPEN_TIMEOUT, READ_TIMEOUT = 5.0, 2.0
"""Seconds of silence after which a network camera is given up."""

_SECRET = re.compile(
    r"""((?:pw|pwd|pass|passwd|password|token)\s*=\s*)("[^"]*"|'[^']*'|[^&\s]+)""", re.IGNORECASE
)
"""A password in an address or a pipeline, after what names it."""


class StreamSource(LensSource):
    """Read a live stream; images are stamped when they arrive.

    :param name: an address such as ``rtsp://…`` or ``http://…``, which FFmpeg reads, or ``gst:``
        and a GStreamer pipeline (which ends in an appsink; one is added if not). Who logs in by it
        is not shown.
    """

    def __init__(self, lens: str, name: str) -> None:
        # The name goes to logs, diagnostics and bags.
        shown = re.sub(r'//[^/\s]*@', '//***@', name)
        super().__init__(lens, _SECRET.sub(r'\1***', shown))
        self._address = name
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        """Connect."""
        if self._address.startswith(GSTREAMER):
            if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
                raise LensError(
                    f'{self.name}: this OpenCV was built without GStreamer; install the '
                    "distribution's python3-opencv in place of opencv-python, or give an address"
                )
            pipeline = self._address.removeprefix(GSTREAMER).strip()
            if 'appsink' not in pipeline:
                pipeline += ' ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true'
            self._capture = cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)
        else:
            timeouts = {
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: OPEN_TIMEOUT,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC: READ_TIMEOUT,
            }
            options = [x for key, seconds in timeouts.items() for x in (key, int(seconds * 1e3))]
            self._capture = cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, options)
        if not self._capture.isOpened():
            raise LensError(
                f'{self.name} cannot be opened; see whether it plays in ffplay, VLC or '
                'gst-launch-1.0 on this computer'
            )
        # A file comes as fast as the network allows; RTSP servers keep to its rate.
        is_file = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        if is_file and self._address.startswith('http'):
            raise LensError(f'{self.name} is a recording; download it, and give the file')

    def _read(self) -> tuple[np.ndarray, int]:
        if not self._capture.grab():
            raise LensError(f'{self.name} ended, or sent nothing for {READ_TIMEOUT:.0f} s')
        stamp_ns = time.time_ns()
        done, image = self._capture.retrieve()
        if not done:
            raise LensError(f'{self.name} sent a damaged image; see whether the network copes')
        return image, stamp_ns

    def close(self) -> None:
        """Disconnect."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
