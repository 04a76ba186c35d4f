"""A face that is followed."""

from dataclasses import dataclass

SURE = 3
"""Detections after which a face is no longer new."""


@dataclass(frozen=True)
class Track:
    """Where a followed face is in the current frame.

    :ivar face_id: ``face-1``, ``face-2``, ... in the order of appearance; empty until told of.
    :ivar box: x, y, width, height in pixels.
    :ivar score: of its last detection.
    :ivar detected: found in this frame, else predicted.
    :ivar sightings: in how many frames it was detected.
    """

    face_id: str
    box: tuple[float, float, float, float]
    score: float
    detected: bool
    sightings: int

    @property
    def is_new(self) -> bool:
        """Whether it was detected fewer than `SURE` times: it may be no face."""
        return self.sightings < SURE
