"""A face that a detector found."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""x, y of the upper left corner, width and height, in pixels."""


@dataclass(frozen=True)
class Detection:
    """
    A face in an image.

    Boxes of all detectors are framed alike, as the Haar cascade does it: square, from the middle
    of the forehead to the chin.

    :ivar box: x, y, width, height in pixels.
    :ivar score: the detector's certainty; higher is surer, the scale is the detector's own.
    """

    box: Box
    score: float

    def moved(self, x: float, y: float) -> 'Detection':
        """Return it in an image whose origin lies at (-x, -y) of this one's."""
        left, top, width, height = self.box
        return Detection((left + x, top + y, width, height), self.score)


def is_inside(box: Box, width: int, height: int) -> bool:
    """Tell whether the middle of a box lies in an image of this size."""
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return 0 <= x < width and 0 <= y < height


def offset(a: Box, b: Box) -> float:
    """Return how far apart the middles of two boxes are, the sum of both directions in pixels."""
    return abs(a[0] + a[2] / 2 - b[0] - b[2] / 2) + abs(a[1] + a[3] / 2 - b[1] - b[3] / 2)
