"""Rectify the visible image and warp the infrared one onto its grid."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from fer_fusion_ros.registration.registered_pair import RegisteredPair

if TYPE_CHECKING:
    from fer_fusion_ros.lenses.camera_model import CameraModel


class Registrar:
    """Register the infrared and visible image of a side, with maps computed once.

    Without the calibration of a lens of the side, its images pass unchanged (the infrared image
    is resized to the visible one when their sizes differ) and a warning says so once.

    :param models: camera model by lens, None or absent where there is no calibration.
    :param plane_distance: metres from the lenses at which the images align exactly.
    :param residual_period: measure the residual on one of so many pairs of a side; 0 never.
    """

    def __init__(
        self,
        models: 'Mapping[str, CameraModel | None]',
        plane_distance: float = 3.0,
        residual_period: int = 30,
    ) -> None:
        raise NotImplementedError

    @property
    def uncalibrated(self) -> tuple[str, ...]:
        """Lenses without calibration, in order."""
        raise NotImplementedError

    def register(
        self,
        side: str,
        ir: np.ndarray | None,
        vis: np.ndarray | None,
        plane_distance: float | None = None,
    ) -> RegisteredPair:
        """Register one pair.

        :param side: ``left`` or ``right``.
        :param ir: (H, W) uint8, or None.
        :param vis: (H', W', 3) BGR or (H', W') uint8, or None.
        :param plane_distance: metres, in place of the constructor's.
        :raises ValueError: if both images are None.
        """
        raise NotImplementedError
