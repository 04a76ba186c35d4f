"""Frames of the lenses and the sets they form."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of one lens.

    :ivar lens: name of the stream, such as ``ir_left``.
    :ivar stamp_ns: capture stamp in nanoseconds.
    :ivar image: (H, W) or (H, W, 3) uint8; or the message that holds it, until `read_images`.
    :ivar frame_id: optical frame of the lens.
    """

    lens: str
    stamp_ns: int
    image: Any
    frame_id: str = ''


@dataclass(frozen=True, eq=False)
class FrameSet:
    """Frames captured together, at most one for each lens.

    :ivar stamp_ns: stamp of the set: of the left visible lens, else of the right one, else of
        the first frame.
    :ivar frames: by lens; lenses that have gone stale are absent.
    """

    stamp_ns: int
    frames: dict[str, Frame]

    @staticmethod
    def of(*frames: Frame) -> 'FrameSet':
        """Make a set of frames, in the order of the lenses; its stamp follows from them."""
        by_lens = {frame.lens: frame for frame in frames}
        reference = by_lens.get('vis_left') or by_lens.get('vis_right') or frames[0]
        return FrameSet(reference.stamp_ns, by_lens)

    def reference(self, side: str) -> Frame | None:
        """Return the frame whose stamp stands for a side: visible, else infrared, else None."""
        return self.frames.get(f'vis_{side}') or self.frames.get(f'ir_{side}')

    def image(self, lens: str) -> np.ndarray | None:
        """Return the image of a lens, or None when the set lacks it."""
        frame = self.frames.get(lens)
        return None if frame is None else frame.image
