"""Follow faces from frame to frame."""

from collections.abc import Sequence

from fer_fusion_ros.faces.detection import Detection
from fer_fusion_ros.faces.track import Track


class FaceTracker:
    """Give faces stable, anonymous ids by constant velocity and overlap.

    :param max_lost: seconds that a face may go undetected before its id is retired.
    :param min_hits: detections before a face is reported.
    """

    def __init__(self, max_lost: float = 0.7, min_hits: int = 1) -> None:
        raise NotImplementedError

    def predict(self, stamp_ns: int) -> list[Track]:
        """Move all faces on to a stamp without looking; ``detected`` is False."""
        raise NotImplementedError

    def update(self, detections: Sequence[Detection], stamp_ns: int) -> list[Track]:
        """Match detections with the faces known, and return the faces of this frame.

        :param detections: all faces found in this frame.
        :param stamp_ns: capture stamp; older than the last one resets the tracker.
        :return: oldest first; faces lost for at most ``max_lost`` are among them.
        """
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all faces; ids start at 1 again."""
        raise NotImplementedError
