"""Calibration of the simulated rig: four slightly different lenses on one bracket."""

import cv2
import numpy as np

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, optical_frame

WIDTH, HEIGHT = 640, 480
FOCAL_LENGTH = 1000.0
"""Of every rectified lens, in pixels: a narrow view of 35 degrees, as faces are 3 m away."""
BASELINE = 0.060
"""From the left to the right lens, in metres."""
PAIR_BASELINE = 0.025
"""From the infrared to the visible lens below it, in metres."""

# Per lens: focal length, principal point, k1 k2 p1 p2 k3, and how it is turned in degrees about
# x, y, z. Chosen so that raw pictures of a pair differ by some 15 px more than the baseline
# explains, as screwed-on lenses do, and nothing fits without rectification.
_LENSES = {
    'ir_left': (994.0, (322.5, 236.0), (-0.12, 0.08, 0.0006, -0.0004, 0.0), (0.5, -0.4, 0.3)),
    'ir_right': (1007.0, (316.0, 243.5), (-0.10, 0.05, -0.0005, 0.0007, 0.0), (-0.3, 0.5, -0.4)),
    'vis_left': (1003.0, (318.0, 244.0), (-0.06, 0.03, 0.0003, 0.0004, 0.0), (-0.4, 0.3, 0.2)),
    'vis_right': (990.0, (325.0, 238.5), (-0.08, 0.04, -0.0004, -0.0003, 0.0), (0.4, -0.5, -0.3)),
}


def lens_position(lens: str) -> np.ndarray:
    """Return where ``lens`` sits: (3,) metres from the array's centre, x right, y down."""
    x = -BASELINE / 2 if lens.endswith('left') else BASELINE / 2
    y = -PAIR_BASELINE / 2 if lens.startswith('ir') else PAIR_BASELINE / 2
    return np.array([x, y, 0.0])


def rig_model(lens: str) -> CameraModel:
    """Return the exact calibration of ``lens``.

    :raises KeyError: when there is no such lens.
    """
    focal, centre, distortion, degrees = _LENSES[lens]
    projection = np.array(
        [[FOCAL_LENGTH, 0, WIDTH / 2], [0, FOCAL_LENGTH, HEIGHT / 2], [0, 0, 1.0]]
    )
    return CameraModel(
        name=lens,
        width=WIDTH,
        height=HEIGHT,
        K=np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]),
        D=np.array(distortion),
        distortion_model='plumb_bob',
        R=cv2.Rodrigues(np.radians(degrees))[0],
        P=np.hstack([projection, projection @ -lens_position(lens)[:, None]]),
        frame_id=optical_frame(lens),
    )


RIG_MODELS: dict[str, CameraModel] = {lens: rig_model(lens) for lens in LENSES}
"""Calibration of each lens of the simulated rig."""
