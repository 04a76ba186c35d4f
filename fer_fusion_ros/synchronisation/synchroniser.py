"""Group frames by capture stamp and keep account of the streams."""

import time
from collections.abc import Callable, Sequence

from fer_fusion_ros.synchronisation.frame_set import Frame, FrameSet
from fer_fusion_ros.synchronisation.status import SynchroniserStatus


class Synchroniser:
    """Group the frames of several lenses by capture stamp.

    Matching is that of `message_filters` where it is installed and of our stand-in elsewhere.
    Around it this class counts, notices lenses that went stale and goes on without them, takes
    them back when they return, and starts afresh when the clock jumps backwards. Thread-safe.

    :param lenses: names of the streams; those of `Frame.lens`.
    :param slop: sets span less than this, in seconds.
    :param queue_size: frames kept per lens while waiting for the others.
    :param stale_after: seconds, by capture stamp, that a lens may lag behind the newest frame.
    :param clock: steady clock in seconds, for `LensStatus.age`.
    """

    def __init__(
        self,
        lenses: Sequence[str],
        *,
        slop: float = 0.015,
        queue_size: int = 10,
        stale_after: float = 0.4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        raise NotImplementedError

    def add(self, frame: Frame) -> FrameSet | None:
        """Take in a frame; return the set that it completes, if it does.

        Sets come out in the order of their stamps, and never twice the same frame.

        :raises KeyError: if the frame's lens is none of the synchroniser's.
        """
        raise NotImplementedError

    def status(self) -> SynchroniserStatus:
        """Return counts, rates, skews and which lenses are stale."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget the frames that wait and what is known of the clock; keep the counts."""
        raise NotImplementedError
