"""A video file in place of a lens."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import LensEndedError, LensError
from fer_fusion_ros.lenses.frame_clock import FrameClock
from fer_fusion_ros.lenses.lens_source import LensSource


class VideoSource(LensSource):
    """Play a video at its own speed, or another.

    :param rate: frames per second; 0 for those that the file names.
    :param loop: start again after the end.
    :param start_ns: when the first frame is due; videos with the same start stay in step.
    """

    def __init__(self, lens: str, path: Path, *, rate: float, loop: bool, start_ns: int) -> None:
        super().__init__(lens, str(path))
        self._path = path
        self._rate = rate
        self._loop = loop
        self._capture: cv2.VideoCapture | None = None
        self._clock = FrameClock(rate or 30.0, start_ns)
        self._position = 0

    def open(self) -> None:
        """Open the file."""
        if not self._path.is_file():
            raise LensError(f'{self._path} does not exist; create it, or correct the source')
        self._capture = cv2.VideoCapture(str(self._path))
        if not self._capture.isOpened():
            raise LensError(f'{self._path} is no video that OpenCV can play; convert it to MP4')
        self._clock.rate = self._rate or self._capture.get(cv2.CAP_PROP_FPS) or 30.0
        self._clock.restart()
        self._position = 0

    def _read(self) -> tuple[np.ndarray, int]:
        index = self._clock.next()
        if index > self._position + self._clock.BACKLOG:
            self._seek(index)
        while self._position <= index:
            self._grab()
            self._position += 1
        done, image = self._capture.retrieve()
        if not done:
            raise LensError(f'{self._path}: a frame cannot be decoded; convert the video again')
        stamp_ns = self._clock.stamp(index)
        self._clock.wait_until(stamp_ns)
        return image, stamp_ns

    def _seek(self, index: int) -> None:
        """Leave frames out, so as to be in step with the others again."""
        frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if self._loop and frames > 0:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, index % frames)
        elif not self._loop:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        self._position = index

    def _grab(self) -> None:
        if self._capture.grab():
            return
        if not self._loop:
            raise LensEndedError(f'{self._path}: the last frame was shown')
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
        if not self._capture.grab():
            raise LensError(f'{self._path} cannot be played again; convert it to MP4')

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def cancel(self) -> None:
        """Let a `read` that waits end."""
        self._clock.cancel()
