"""A face that a detector found."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Detection:
    """A face in an image.

    Boxes of all detectors are framed alike: from the brow to below the chin, about as wide as
    high, as in FER2013.

    :ivar box: x, y, width, height in pixels.
    :ivar score: the detector's certainty; higher is surer, the scale is the detector's own.
    :ivar landmarks: (5, 2) float32 pixels (right eye, left eye, nose, right and left corner of
        the mouth), or None.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: np.ndarray | None = None
