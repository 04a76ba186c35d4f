"""Rectify the visible image and warp the infrared one onto its grid."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import SIDES
from fer_fusion_ros.registration.registered_pair import RegisteredPair
from fer_fusion_ros.registration.residual import residual
from fer_fusion_ros.registration.warped_image import ImageView, Maps, WarpedImage

_logger = logging.getLogger(__name__)

_ONE_PLACE = 1e-3
"""Metres below which two lenses stand in one place by their calibration."""

_APART, _OFTEN = 3.0, 3
"""Pixels between the images of such lenses, at so many measurements on end, that disprove it."""


class Registrar:
    """
    Register the infrared and visible image of a side, with maps computed once.

    Both images come out on the grid of the rectified visible lens, warped where they are looked
    at (see `RegisteredPair`); while the visible image is missing, the grid stays as it was. On a
    side that has one lens alone, its image is rectified; a lens without calibration counts once it
    has sent an image. Without the calibration of all lenses of a side their images pass unchanged
    (the infrared one is resized to the visible one when their sizes differ), and a warning says so
    once.

    :param models: camera model of each lens that there is, None where it has no calibration.
    :param plane_distance: metres from the lenses at which the images align exactly.
    :param residual_period: measure the residual on one of so many pairs of a side; 0 never.
    """

    def __init__(
        self,
        models: Mapping[str, CameraModel | None],
        plane_distance: float = 3.0,
        residual_period: int = 30,
    ) -> None:
        self._models = dict(models)
        self._plane_distance = plane_distance
        self._residual_period = residual_period
        self._counts: dict[str, int] = {}
        self._residuals: dict[str, float | None] = {}
        self._unfit: dict[str, list[str]] = {}
        self._apart: dict[str, int] = {}
        self._grid_lenses: dict[str, str] = {}  # on whose grid the pairs of a side are
        self._one_place: list[tuple[str, str]] = []  # lenses of the two sides that claim one
        self._warned: set[str] = set()
        self._seen: set[str] = set()  # lenses that have sent an image
        self._sizes: dict[str, tuple[int, int]] = {}  # of the visible images
        # A map takes 1.8 MB at 640x480.
        self._grid = lru_cache(4)(self._compute_grid)
        self._ir_grid = lru_cache(8)(self._compute_ir_grid)

    def problems(self) -> list[str]:
        """Return which calibrations do not fit the images, or were made one by one."""
        # Another thread may be registering.
        all_unfit, apart = list(self._unfit.values()), list(self._apart.items())
        alone = [(f'ir_{side}', f'vis_{side}') for side, times in apart if times >= _OFTEN]
        return [f'no calibration of {" and ".join(unfit)}' for unfit in all_unfit if unfit] + [
            f'{" and ".join(lenses)} were calibrated one by one'
            for lenses in (*alone, *self._one_place)
        ]

    def calibrate(self, models: Mapping[str, CameraModel | None]) -> None:
        """Go on with these camera models; as long as they are the same ones it costs nothing."""
        if models == self._models:
            return
        self._models = dict(models)
        self._counts.clear()
        self._unfit.clear()
        self._apart.clear()
        self._grid_lenses.clear()
        self._one_place = []
        self._warned.clear()
        self._grid.cache_clear()
        self._ir_grid.cache_clear()

    def register(
        self,
        side: str,
        ir: np.ndarray | None,
        vis: np.ndarray | None,
    ) -> RegisteredPair:
        """
        Register one pair.

        :param side: ``left`` or ``right``.
        :param ir: (H, W) uint8, or None.
        :param vis: (H', W', 3) BGR or (H', W') uint8, or None.
        :raises ValueError: if both images are None.
        """
        if ir is None and vis is None:
            raise ValueError(f'no image of side {side!r} to register')
        if ir is not None:
            self._seen.add(f'ir_{side}')
        if vis is not None:
            self._seen.add(f'vis_{side}')
            self._sizes[side] = _size(vis)
        model = ir_model = None
        lenses = self._lenses(side)
        if self._are_calibrated(side, lenses, ir):
            # Of both lenses of a side the visible one is last.
            self._compare_sides(side, lenses[-1])
            if f'vis_{side}' in lenses:
                camera = self._models[f'vis_{side}']
                size = self._sizes.get(side, (camera.width, camera.height))
                model, vis_maps = self._grid(f'vis_{side}', size)
                if vis is not None:
                    vis = _warp(vis, vis_maps)
                if ir is not None:
                    ir_model, ir_maps = self._ir_grid(side, size, _size(ir))
                    ir = _warp(ir, ir_maps)
            else:
                model, ir_maps = self._grid(f'ir_{side}', _size(ir))
                ir_model, ir = model, _warp(ir, ir_maps)
        elif ir is not None and _size(ir) != (size := self._sizes.get(side, _size(ir))):
            ir = cv2.resize(ir, size, interpolation=cv2.INTER_LINEAR)
        measured = self._measure(side, ir, vis, ir_model, model)
        return RegisteredPair(side, ir, vis, model, measured, ir_model)

    def _lenses(self, side: str) -> list[str]:
        """Return the lenses that a side has."""
        return [
            lens
            for lens in (f'ir_{side}', f'vis_{side}')
            if lens in self._seen or self._models.get(lens) is not None
        ]

    def _are_calibrated(self, side: str, lenses: list[str], ir: np.ndarray | None) -> bool:
        sizes = {f'vis_{side}': self._sizes.get(side)}
        if ir is not None:
            sizes[f'ir_{side}'] = _size(ir)
        lacking, unfit = [], []
        for lens in lenses:
            model, size = self._models.get(lens), sizes.get(lens)
            if model is None:
                lacking.append(lens)
            elif size and not model.fits(*size):
                unfit.append(
                    f'{lens} for its images of {size[0]}x{size[1]} (there is one for '
                    f'{model.width}x{model.height})'
                )
        self._unfit[side] = unfit
        lacking += unfit
        if lacking and side not in self._warned:
            self._warned.add(side)
            _logger.warning(
                'no calibration of %s: the %s images are used as they are, so faces may be fused '
                'out of place and have no distance; calibrate the lenses and publish camera_info '
                '(to analyze, give --calibration)',
                ' and '.join(lacking),
                side,
            )
        return not lacking

    def _measure(
        self,
        side: str,
        ir: ImageView | None,
        vis: ImageView | None,
        ir_model: CameraModel | None,
        model: CameraModel | None,
    ) -> float | None:
        if ir is None or vis is None or self._residual_period == 0:
            return None
        count = self._counts.get(side, 0)
        self._counts[side] = count + 1
        if count % self._residual_period == 0:
            pixels = self._residuals[side] = residual(ir, vis)
            if pixels is not None and in_one_place(ir_model, model):
                self._disprove(side, pixels)
        # There is none yet where the first measurement failed.
        return self._residuals.get(side)

    def _disprove(self, side: str, pixels: float) -> None:
        """Say it when images of lenses that stand in one place by their calibration differ."""
        times = self._apart[side] = self._apart.get(side, 0) + 1 if pixels > _APART else 0
        if times == _OFTEN:
            _logger.warning(
                'ir_%s and vis_%s stand in one place by their calibration, but their images lie '
                '%.0f pixels apart: lenses that were calibrated one by one do not tell where they '
                'stand, and faces are fused out of place; calibrate them together (`fer_fusion '
                'calibrate --help`)',
                side,
                side,
                pixels,
            )

    def _compare_sides(self, side: str, lens: str) -> None:
        """Say it once when the two sides stand in one place by their calibration."""
        if self._grid_lenses.get(side) == lens:
            return
        self._grid_lenses[side] = lens
        lenses = tuple(self._grid_lenses[each] for each in SIDES if each in self._grid_lenses)
        self._one_place = []
        if len(lenses) == 2 and in_one_place(*(self._models[each] for each in lenses)):
            self._one_place = [lenses]
            _logger.warning(
                '%s and %s stand in one place by their calibration, but are on two sides: lenses '
                'that were calibrated one by one do not tell where they stand, and how far away '
                'faces are is told by their width alone; calibrate all lenses together '
                '(`fer_fusion calibrate --help`)',
                *lenses,
            )

    def _compute_grid(self, lens: str, size: tuple[int, int]) -> tuple[CameraModel, Maps | None]:
        model = self._models[lens].scaled(*size)
        return model.rectified(), _maps(model, model.P[:, :3], size)

    def _compute_ir_grid(
        self, side: str, size: tuple[int, int], ir_size: tuple[int, int]
    ) -> tuple[CameraModel, Maps | None]:
        vis = self._models[f'vis_{side}'].scaled(*size)
        ir = self._models[f'ir_{side}'].scaled(*ir_size)
        # From the visible lens to the array's origin to the infrared lens.
        offset = _translation(ir) - _translation(vis)
        # On the plane, the visible lens's pixels are those of an infrared lens with its principal
        # point shifted.
        camera = vis.P[:, :3].copy()
        camera[:2, 2] -= camera[[0, 1], [0, 1]] * offset / self._plane_distance
        shift = camera[[0, 1], [0, 1]] * _translation(ir)
        model = replace(vis.rectified(), K=camera, P=np.column_stack([camera, [*shift, 0.0]]))
        return model, _maps(ir, camera, size)


def _size(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def _translation(model: CameraModel) -> np.ndarray:
    """Return the array's origin in the rectified lens, in metres, as (2,) float64."""
    return np.array([model.P[0, 3] / model.P[0, 0], model.P[1, 3] / model.P[1, 1]])


def in_one_place(one: CameraModel | None, other: CameraModel | None) -> bool:
    """Tell whether two lenses stand in one place by their calibration; not so without it."""
    if one is None or other is None:
        return False
    return bool(np.abs(_translation(one) - _translation(other)).max() < _ONE_PLACE)


def _maps(model: CameraModel, camera: np.ndarray, size: tuple[int, int]) -> Maps | None:
    """
    Return maps from a rectified image to the raw one, None where they would copy it as it is.

    :param camera: (3, 3) matrix of the rectified image.
    :param size: width and height of the rectified image.
    """
    fisheye = model.distortion_model == 'equidistant'
    undistort = cv2.fisheye.initUndistortRectifyMap if fisheye else cv2.initUndistortRectifyMap
    pixels = np.dstack(undistort(model.K, model.D, model.R, camera, size, cv2.CV_32FC1))
    u, v = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    same = np.abs(pixels - np.stack([u, v], axis=-1)).max() < 1 / 64
    if same and (model.width, model.height) == size:
        return None
    return cv2.convertMaps(pixels, None, cv2.CV_16SC2)


def _warp(image: np.ndarray, maps: Maps | None) -> ImageView:
    return image if maps is None else WarpedImage(image, maps)
