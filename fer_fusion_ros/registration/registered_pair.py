"""A pair of images on one pixel grid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fer_fusion_ros.lenses.camera_model import CameraModel


@dataclass(frozen=True, eq=False)
class RegisteredPair:
    """Infrared and visible image of a side on the visible lens's rectified grid.

    :ivar side: ``left`` or ``right``.
    :ivar ir: (H, W) uint8, or None when that lens is missing.
    :ivar vis: (H, W, 3) BGR or (H, W) uint8, or None when that lens is missing.
    :ivar model: rectified camera of both images; None without calibration.
    :ivar residual_px: last measured misalignment in pixels at the image's centre; None when it
        could not be measured.
    """

    side: str
    ir: np.ndarray | None
    vis: np.ndarray | None
    model: 'CameraModel | None' = None
    residual_px: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images, in pixels."""
        image = self.ir if self.vis is None else self.vis
        return image.shape[1], image.shape[0]
