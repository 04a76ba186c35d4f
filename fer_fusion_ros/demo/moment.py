"""What is known about one moment of a run."""

from dataclasses import dataclass, field

import numpy as np

from fer_fusion_ros.fusion.modality import Modality


@dataclass(eq=False)
class Reading:
    """The expression that was published for the frames of one moment.

    :param time: seconds since the start of the rig.
    :param label: of the expression, smoothed over time; 'uncertain' when abstained.
    :param confidence: of the most probable category, 0-1.
    :param probabilities: (7,) smoothed over time.
    :param modality: what the classifier saw.
    :param illumination: visible luminance of the face, 0-1; NaN without a visible lens.
    :param latency: from capture to publication, in seconds.
    :param distance: in metres; NaN when unknown.
    :param side: of the registered image that `box` refers to.
    :param box: x, y, width and height of the face in pixels.
    """

    time: float
    label: str
    confidence: float
    probabilities: np.ndarray
    modality: Modality
    illumination: float
    latency: float
    distance: float
    side: str
    box: tuple[int, int, int, int]


@dataclass(eq=False)
class Moment:
    """The pictures of one moment and what was read from them.

    :param time: seconds since the start of the rig.
    :param lenses: raw image of each lens, grey or bgr.
    :param faces: the face cut from the registered infrared and visible image, and fused, under
        'infrared', 'visible' and 'fused'.
    :param reading: None when nobody was found.
    :param light: of the room, 1.0 daylight to 0.02 near dark, if known.
    """

    time: float
    lenses: dict[str, np.ndarray]
    faces: dict[str, np.ndarray | None] = field(default_factory=dict)
    reading: Reading | None = None
    light: float | None = None
