"""The expression of one face in one frame."""

from dataclasses import dataclass

import numpy as np

from fer_fusion_ros.fusion.modality import Modality


@dataclass(frozen=True, eq=False)
class FaceExpression:
    """One face of one frame.

    :ivar face_id: anonymous and stable while the face is tracked, such as ``face-1``.
    :ivar side: ``left`` or ``right``: whose registered image ``box`` and ``position`` refer to.
    :ivar box: x, y, width, height in pixels of that image.
    :ivar image_size: width and height of that image in pixels; the box may reach beyond it.
    :ivar probabilities: (7,) float32, smoothed over time, in the order of ``LABELS``.
    :ivar raw_probabilities: (7,) float32 of this frame alone.
    :ivar category: index of the likeliest expression, or ``UNCERTAIN``.
    :ivar confidence: its probability (the highest one when uncertain).
    :ivar raw_category: as ``category``, of this frame alone.
    :ivar raw_confidence: as ``confidence``, of this frame alone.
    :ivar modality: bands used.
    :ivar lenses: bit mask of the lenses used (1 ir_left, 2 ir_right, 4 vis_left, 8 vis_right).
    :ivar illumination: mean visible luminance of the face, 0..1; NaN without a visible image.
    :ivar position: (3,) float64, face centre in metres in the side's optical frame (x right,
        y down, z forward); None when unknown.
    :ivar distance: metres from that frame's origin; NaN when unknown.
    """

    face_id: str
    side: str
    box: tuple[float, float, float, float]
    image_size: tuple[int, int]
    probabilities: np.ndarray
    raw_probabilities: np.ndarray
    category: int
    confidence: float
    raw_category: int
    raw_confidence: float
    modality: Modality
    lenses: int
    illumination: float
    position: np.ndarray | None
    distance: float
