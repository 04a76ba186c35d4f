"""The expression of one face in one frame."""

import math
from dataclasses import dataclass, field

import numpy as np

from fer_fusion_ros.expression.labels import LABELS, UNCERTAIN
from fer_fusion_ros.fusion.modality import Modality


def _even() -> np.ndarray:
    return np.full(len(LABELS), 1 / len(LABELS), np.float32)


@dataclass(frozen=True, eq=False)
class FaceExpression:
    """One face of one frame.

    What has a default is so for a face that has been followed, but not read: in this frame
    ``lenses`` and what is raw, and the others where it has not been read in any frame yet.

    :ivar face_id: anonymous and stable while the face is tracked, such as ``face-1``.
    :ivar side: ``left`` or ``right``: whose registered image ``box`` and ``position`` refer to.
    :ivar box: x, y, width, height in pixels of that image.
    :ivar image_size: width and height of that image in pixels; the box may reach beyond it.
    :ivar position: (3,) float64, face centre in metres in the side's optical frame (x right,
        y down, z forward); None when unknown.
    :ivar distance: metres from that frame's origin; NaN when unknown.
    :ivar probabilities: (7,) float32, smoothed over time, in the order of ``LABELS``.
    :ivar category: index of the likeliest expression, or ``UNCERTAIN``.
    :ivar confidence: its probability (the highest one when uncertain).
    :ivar raw_probabilities: (7,) float32 of this frame alone.
    :ivar raw_category: as ``category``, of this frame alone.
    :ivar raw_confidence: as ``confidence``, of this frame alone.
    :ivar modality: bands used.
    :ivar lenses: bit mask of the lenses used (1 ir_left, 2 ir_right, 4 vis_left, 8 vis_right).
    :ivar illumination: mean visible luminance of the face, 0..1; NaN without a visible image.
    :ivar skipped: there was no time to read it; else, what is not read shows no face.
    """

    face_id: str
    side: str
    box: tuple[float, float, float, float]
    image_size: tuple[int, int]
    position: np.ndarray | None
    distance: float
    probabilities: np.ndarray = field(default_factory=_even)
    category: int = UNCERTAIN
    confidence: float = 1 / len(LABELS)
    raw_probabilities: np.ndarray = field(default_factory=_even)
    raw_category: int = UNCERTAIN
    raw_confidence: float = 1 / len(LABELS)
    modality: Modality = Modality.UNKNOWN
    lenses: int = 0
    illumination: float = math.nan
    skipped: bool = False
