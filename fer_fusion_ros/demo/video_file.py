"""Write a video that plays everywhere."""

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np


class VideoFile:
    """An MP4 being written: H.264 by the ffmpeg that imageio-ffmpeg brings, else MPEG-4 by OpenCV.

    :param path: of the file, ending in ``.mp4``.
    :param size: width and height of a frame in pixels, even numbers.
    :param rate: frames per second.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        try:
            from imageio_ffmpeg import write_frames
        except ImportError:
            self._ffmpeg = None
            self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), rate, size)
        else:
            self._ffmpeg = write_frames(
                str(path),
                size,
                pix_fmt_in='bgr24',
                fps=rate,
                codec='libx264',
                quality=None,
                output_params=['-crf', '20', '-preset', 'veryfast', '-movflags', '+faststart'],
                macro_block_size=2,
            )
            self._ffmpeg.send(None)

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 bgr."""
        if self._ffmpeg is None:
            self._writer.write(frame)
        else:
            self._ffmpeg.send(np.ascontiguousarray(frame))

    def close(self) -> None:
        """Finish the file."""
        if self._ffmpeg is None:
            self._writer.release()
        else:
            self._ffmpeg.close()

    def __enter__(self) -> 'VideoFile':
        """Return itself, to be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file."""
        self.close()
