"""A pair of images on one pixel grid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fer_fusion_ros.exceptions import RegistrationError
from fer_fusion_ros.registration.warped_image import ImageView

if TYPE_CHECKING:
    from fer_fusion_ros.lenses.camera_model import CameraModel


@dataclass(frozen=True, eq=False)
class RegisteredPair:
    """Infrared and visible image of a side on the visible lens's rectified grid.

    :ivar side: ``left`` or ``right``.
    :ivar ir_view: (H, W) uint8, or None when that lens is missing.
    :ivar vis_view: (H, W, 3) BGR or (H, W) uint8, or None when that lens is missing.
    :ivar model: rectified camera of the grid; None without calibration.
    :ivar ir_model: camera of the infrared image, whose pixels meet those of the grid at the
        distance of the plane alone; None without calibration.
    :ivar residual_px: last measured misalignment in pixels at the image's centre; None when it
        could not be measured.
    :raises RegistrationError: if the images differ in size.
    """

    side: str
    ir_view: ImageView | None
    vis_view: ImageView | None
    model: 'CameraModel | None' = None
    residual_px: float | None = None
    ir_model: 'CameraModel | None' = None

    def __post_init__(self) -> None:
        if self.ir_view is None or self.vis_view is None:
            return
        sizes = [(view.shape[1], view.shape[0]) for view in (self.ir_view, self.vis_view)]
        if sizes[0] != sizes[1]:
            infrared, visible = (f'{width}x{height}' for width, height in sizes)
            raise RegistrationError(
                f'the registered images of the {self.side} side are {infrared} in infrared, but '
                f'{visible} in visible light; publish both on one grid, as `registration` does'
            )

    def frame_id(self, of_image: str) -> str:
        """
        Return the optical frame of the grid.

        :param of_image: frame of the image that stands for the side, which is its own grid where
            there is no calibration.
        """
        return (self.model and self.model.frame_id) or of_image

    @property
    def ir(self) -> np.ndarray | None:
        """The whole infrared image, computed when it is first asked for."""
        return None if self.ir_view is None else np.asarray(self.ir_view)

    @property
    def vis(self) -> np.ndarray | None:
        """The whole visible image, computed when it is first asked for."""
        return None if self.vis_view is None else np.asarray(self.vis_view)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images, in pixels."""
        image = self.ir_view if self.vis_view is None else self.vis_view
        return image.shape[1], image.shape[0]
