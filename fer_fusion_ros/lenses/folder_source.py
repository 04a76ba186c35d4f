"""A folder of images in place of a lens."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fer_fusion_ros.exceptions import DataError, LensEndedError, LensError
from fer_fusion_ros.image_files import SUFFIXES, image_files, read_image
from fer_fusion_ros.lenses.frame_clock import FrameClock, Rounds
from fer_fusion_ros.lenses.lens_source import LensSource
from fer_fusion_ros.lenses.names import is_infrared


class FolderSource(LensSource):
    """Play the images of a folder in the order of their names, and of the numbers in those.

    :param rate: images per second.
    :param rounds: start again at the end of each; None to end with the last.
    :param start_ns: when the first image is due; folders with the same start stay in step.
    """

    def __init__(
        self, lens: str, folder: Path, *, rate: float, rounds: Rounds | None, start_ns: int
    ) -> None:
        super().__init__(lens, str(folder))
        self._folder = folder
        self._rounds = rounds
        self._clock = FrameClock(rate, start_ns)
        self._flags = cv2.IMREAD_GRAYSCALE if is_infrared(lens) else cv2.IMREAD_COLOR
        self._files: list[Path] = []

    def open(self) -> None:
        """List the images."""
        if not self._folder.is_dir():
            raise LensError(f'{self._folder} is no folder; create it, or correct the source')
        self._files = image_files(self._folder)
        if not self._files:
            raise LensError(f'{self._folder} holds no image ({", ".join(SUFFIXES)})')
        if self._rounds is not None:
            self._rounds.note(self.lens, len(self._files), self._clock.rate)
        self._clock.restart()

    def _read(self) -> tuple[np.ndarray, int]:
        index = self._clock.next()
        place = index if self._rounds is None else self._rounds.place(index, self._clock.rate)
        if place >= len(self._files):
            raise LensEndedError(f'{self._folder}: the last image was shown')
        try:
            image = read_image(self._files[place], self._flags)
        except DataError as error:
            raise LensError(str(error)) from error
        stamp_ns = self._clock.stamp(index)
        self._clock.wait_until(stamp_ns)
        return image, stamp_ns

    def close(self) -> None:
        """Forget the list."""
        self._files = []

    def cancel(self) -> None:
        """Let a `read` that waits end."""
        self._clock.cancel()
