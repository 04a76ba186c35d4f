"""Calibrate the lenses of an array together, by a chessboard that all of them see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import optical_frame
from fer_fusion_ros.registration.chessboard import Chessboard, aligned

_ORDER = ('vis_left', 'vis_right', 'ir_left', 'ir_right')
"""The first of these that there is becomes the array's origin."""

FEWEST = 10
"""Views of the board that each lens must have, alone and together with the origin."""

_MOST = 60
"""More views only take longer."""

_OUTLIER = 3.0
"""Views further off than so many times the median are left out: the board moved, or bent."""

_LOOSE = 0.01
"""Relative standard error of a focal length above which a remark is made."""

_FAR_OFF = 1.0
"""Error in pixels above which a remark is made."""

_AHEAD = 0.02
"""Metres along the optical axis between two lenses above which a remark is made."""

# Two radial and two tangential coefficients, as ROS's camera_calibration takes by default.
_FLAGS = cv2.CALIB_FIX_K3


@dataclass(frozen=True)
class LensCalibration:
    """
    What was found about a lens.

    :ivar model: its calibration.
    :ivar views: on which it rests.
    :ivar error: root mean square, in pixels of the rectified image, between the corners that it
        sees and those where the whole array's calibration expects them.
    :ivar place: (3,) metres from the array's origin: right, down, ahead.
    """

    model: CameraModel
    views: int
    error: float
    place: np.ndarray


class _Intrinsics(NamedTuple):
    K: np.ndarray
    D: np.ndarray
    looseness: float  # relative standard error of the focal length
    views: int


def calibrate(
    views: Sequence[Mapping[str, np.ndarray]],
    sizes: Mapping[str, tuple[int, int]],
    board: Chessboard,
) -> tuple[dict[str, LensCalibration], list[str]]:
    """
    Calibrate each lens, and find how they stand to each other.

    All rectified lenses look the same way, the mean of the ways in which they are mounted.

    :param views: the corners that each lens saw at one moment, as `Chessboard.find` returns them.
    :param sizes: width and height of each lens's images in pixels; these lenses are calibrated.
    :return: the lenses, and remarks for the user on what makes the result less sure.
    :raises CalibrationError: if a lens saw the board too seldom.
    """
    lenses = sorted(sizes, key=_ORDER.index)
    origin = lenses[0]
    _check(views, lenses, board)
    views = [_aligned(view) for view in views]
    raw = {lens: _calibrate_alone(views, lens, sizes[lens], board) for lens in lenses}
    poses = {origin: (np.eye(3), np.zeros(3))}
    for lens in lenses[1:]:
        poses[lens] = _pose(views, origin, lens, raw, board)

    common = _mean_rotation([rotation.T for rotation, _ in poses.values()]).T
    boards = _boards(views, origin, raw[origin], common, board)
    results, remarks = {}, []
    for lens in lenses:
        rotation, translation = poses[lens]
        K, D, looseness, count = raw[lens]
        R = common @ rotation.T
        offset = R @ translation  # the origin, in the rectified lens
        camera = _rectified_camera(sizes[lens], K, D, R)
        P = np.column_stack([camera, camera @ [*offset[:2], 0.0]])
        model = CameraModel(
            lens,
            *sizes[lens],
            K=K,
            D=D,
            distortion_model='plumb_bob',
            R=R,
            P=P,
            frame_id=optical_frame(lens),
        )
        error = _error(boards, model)
        results[lens] = LensCalibration(model, count, error, -offset)
        if looseness > _LOOSE:
            remarks.append(
                f'{lens}: the focal length is known to {looseness:.1%} only; show the board '
                'tilted more, to all sides, and nearer'
            )
        if error > _FAR_OFF:
            remarks.append(
                f'{lens}: the corners are {error:.1f} pixels off; hold the board still in each '
                'place, see that it is flat, the lenses synchronised and none upside down'
            )
        if abs(offset[2]) > _AHEAD:
            remarks.append(
                f'{lens}: stands {abs(offset[2]) * 1e3:.0f} mm '
                f'{"behind" if offset[2] > 0 else "ahead of"} {origin}, which the projection '
                'matrix cannot tell; faces at the edge of the picture are fused out of place'
            )
    return results, remarks


def _check(
    views: Sequence[Mapping[str, np.ndarray]], lenses: Sequence[str], board: Chessboard
) -> None:
    origin = lenses[0]
    for lens in lenses:
        seen = sum(lens in view for view in views)
        if seen < FEWEST:
            raise CalibrationError(
                f'{lens} saw a whole board of {board.columns}x{board.rows} inner corners at '
                f'{seen} moments, {FEWEST} are needed; show it larger, sharper and wholly, and '
                'count its corners where four squares meet. Black of many inkjet printers does '
                'not show in infrared: print it by laser'
            )
        both = sum(lens in view and origin in view for view in views)
        if both < FEWEST:
            raise CalibrationError(
                f'{origin} and {lens} saw the board together at {both} moments, {FEWEST} are '
                'needed; show it where both see all of it'
            )


def _aligned(view: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    reference = next(iter(view.values()), None)
    return {lens: aligned(corners, reference) for lens, corners in view.items()}


def _fit(views: list, fit: Callable[[list], tuple[Any, np.ndarray]]) -> tuple[Any, int]:
    """
    Fit to views, without those that are far off.

    :param fit: returns what it finds, and the error of each view.
    :return: what it found at last, and on how many views it rests.
    """
    places = np.linspace(0, len(views) - 1, min(len(views), _MOST)).round().astype(int)
    views = [views[place] for place in places]
    while True:
        found, errors = fit(views)
        near = errors <= _OUTLIER * np.median(errors)
        if near.all() or np.count_nonzero(near) < FEWEST:
            return found, len(views)
        views = [view for view, kept in zip(views, near, strict=True) if kept]


def _calibrate_alone(
    views: Sequence[Mapping[str, np.ndarray]], lens: str, size: tuple[int, int], board: Chessboard
) -> _Intrinsics:
    def fit(corners: list) -> tuple[tuple, np.ndarray]:
        points = [board.points()] * len(corners)
        _, K, D, _, _, deviations, _, errors = cv2.calibrateCameraExtended(
            points, corners, size, None, None, flags=_FLAGS
        )
        return (K, D.ravel(), float(deviations[0, 0] / K[0, 0])), errors.ravel()

    found, count = _fit([view[lens] for view in views if lens in view], fit)
    return _Intrinsics(*found, count)


def _pose(
    views: Sequence[Mapping[str, np.ndarray]],
    origin: str,
    lens: str,
    raw: Mapping[str, _Intrinsics],
    board: Chessboard,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotation and translation from the origin's frame to the lens's."""

    def fit(pairs: list) -> tuple[tuple, np.ndarray]:
        # Older OpenCVs return less between the first and the last.
        _, _, _, _, _, rotation, translation, *_, errors = cv2.stereoCalibrateExtended(
            [board.points()] * len(pairs),
            [first for first, _ in pairs],
            [second for _, second in pairs],
            raw[origin].K,
            raw[origin].D,
            raw[lens].K,
            raw[lens].D,
            (0, 0),  # not used with fixed intrinsics
            np.eye(3),
            np.zeros(3),
            flags=cv2.CALIB_FIX_INTRINSIC,
        )
        return (rotation, translation.ravel()), errors.max(axis=1)

    pairs = [(view[origin], view[lens]) for view in views if {origin, lens} <= {*view}]
    return _fit(pairs, fit)[0]


def _mean_rotation(rotations: Sequence[np.ndarray]) -> np.ndarray:
    u, _, v = np.linalg.svd(np.sum(rotations, axis=0))
    return u @ v


def _rectified_camera(
    size: tuple[int, int], K: np.ndarray, D: np.ndarray, R: np.ndarray
) -> np.ndarray:
    """Return the (3, 3) matrix of the rectified image: the focal length stays, centred."""
    width, height = size
    u, v = np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 9))
    seen = cv2.undistortPoints(np.dstack([u, v]).reshape(-1, 1, 2), K, D, R=R).reshape(-1, 2)
    focal = (K[0, 0] + K[1, 1]) / 2
    middle = (np.array(size) - 1) / 2 - focal * (seen.min(axis=0) + seen.max(axis=0)) / 2
    return np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1.0]])


def _boards(
    views: Sequence[Mapping[str, np.ndarray]],
    origin: str,
    intrinsics: _Intrinsics,
    common: np.ndarray,
    board: Chessboard,
) -> list[tuple[Mapping[str, np.ndarray], np.ndarray]]:
    """Return the origin's views, each with the (N, 3) points of the board as it sees them."""
    boards = []
    for view in views:
        if origin in view:
            _, rotation, translation = cv2.solvePnP(
                board.points(), view[origin], intrinsics.K, intrinsics.D
            )
            points = common @ (cv2.Rodrigues(rotation)[0] @ board.points().T + translation)
            boards.append((view, points.T))
    return boards


def _error(
    boards: Sequence[tuple[Mapping[str, np.ndarray], np.ndarray]], model: CameraModel
) -> float:
    """Return by how far a lens sees the boards elsewhere than the origin tells."""
    errors = []
    for view, points in boards:
        if model.name in view:
            expected = np.column_stack([points, np.ones(len(points))]) @ model.P.T
            seen = cv2.undistortPoints(
                view[model.name], model.K, model.D, R=model.R, P=model.P[:, :3]
            ).reshape(-1, 2)
            errors.append(np.square(expected[:, :2] / expected[:, 2:] - seen).sum(axis=1).mean())
    # Of the middle view: single ones may be of a board in motion.
    return float(np.sqrt(np.median(errors)))
