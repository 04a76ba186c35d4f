"""A video file in place of a lens."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import LensEndedError, LensError
from fer_fusion_ros.image_files import is_utf8
from fer_fusion_ros.lenses.frame_clock import FrameClock, Rounds
from fer_fusion_ros.lenses.lens_source import LensSource


class VideoSource(LensSource):
    """Play a video at its own speed, or another, at a constant rate.

    :param rate: frames per second; 0 for those that the file names.
    :param rounds: start again at the end of each; None to end with the video.
    :param start_ns: when the first frame is due; videos with the same start stay in step.
    """

    def __init__(
        self, lens: str, path: Path, *, rate: float, rounds: Rounds | None, start_ns: int
    ) -> None:
        super().__init__(lens, str(path))
        self._path = path
        self._rate = rate
        self._rounds = rounds
        self._capture: cv2.VideoCapture | None = None
        self._clock = FrameClock(rate or 30.0, start_ns)
        self._position = 0

    def open(self) -> None:
        """Open the file."""
        if not self._path.is_file():
            raise LensError(f'{self._path} does not exist; create it, or correct the source')
        if not is_utf8(self._path):
            raise LensError(f'{self._path}: the name is not UTF-8; rename it')
        self._capture = cv2.VideoCapture(str(self._path))
        if not self._capture.isOpened():
            raise LensError(f'{self._path} is no video that OpenCV can play; convert it to MP4')
        self._clock.rate = self._rate or self._capture.get(cv2.CAP_PROP_FPS) or 30.0
        frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if self._rounds is not None and frames > 0:
            self._rounds.note(self.lens, frames, self._clock.rate)
        self._clock.restart()
        self._position = 0

    def _read(self) -> tuple[np.ndarray, int]:
        index = self._clock.next()
        if not self._go_to(index):
            if self._rounds is None:
                raise LensEndedError(f'{self._path}: the last frame was shown')
            # It has fewer frames than it says.
            if self._position:
                self._rounds.note(self.lens, self._position, self._clock.rate)
            if not self._go_to(index):
                raise LensError(f'{self._path} cannot be played again; convert it to MP4')
        done, image = self._capture.retrieve()
        if not done:
            raise LensError(f'{self._path}: a frame cannot be decoded; convert the video again')
        stamp_ns = self._clock.stamp(index)
        self._clock.wait_until(stamp_ns)
        return image, stamp_ns

    def _go_to(self, index: int) -> bool:
        """Grab the frame that is due; return False if there is none."""
        if self._rounds is not None:
            index = self._rounds.place(index, self._clock.rate)
        # Whoever is late leaves frames out, so as to be in step with the others again.
        if not self._position <= index <= self._position + self._clock.BACKLOG:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, index)
            self._position = index
        while self._position <= index:
            if not self._capture.grab():
                return False
            self._position += 1
        return True

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def cancel(self) -> None:
        """Let a `read` that waits end."""
        self._clock.cancel()
