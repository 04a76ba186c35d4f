"""Detect on a fraction of the frames, follow on the others."""

import numpy as np

from fer_fusion_ros.faces.face_detector import FaceDetector
from fer_fusion_ros.faces.track import Track


class FaceFinder:
    """Find and follow the faces of an image stream at little cost.

    Faces that are known are looked for again around where they should be; the whole frame is
    searched now and then, for new ones.

    :param detector: finds faces.
    :param detect_every: look around the known faces on one of so many frames.
    :param search_every: search the whole frame on one of so many frames (on each until a face
        is found, within `detect_every`).
    :param max_lost: seconds that a face may go undetected before its id is retired.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        detect_every: int = 3,
        search_every: int = 15,
        max_lost: float = 0.7,
    ) -> None:
        raise NotImplementedError

    def find(self, ir: np.ndarray | None, vis: np.ndarray | None, stamp_ns: int) -> list[Track]:
        """Return the faces in a registered pair, searching the image that is readable.

        :param ir: (H, W) uint8 or None.
        :param vis: (H, W, 3) BGR or (H, W) uint8, or None.
        :param stamp_ns: capture stamp; older than the last one resets the ids.
        """
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all faces; ids start at 1 again."""
        raise NotImplementedError
