"""Calibrate the lenses of an array together, by a chessboard that all of them see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import optical_frame
from fer_fusion_ros.registration.chessboard import Chessboard, aligned

ORDER: tuple[str, ...] = ('vis_left', 'vis_right', 'ir_left', 'ir_right')
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
    lenses = sorted(sizes, key=ORDER.index)
    origin = lenses[0]
    _check(views, lenses, board)
    views = [_aligned(view) for view in views]
    raw = {lens: _calibrate_alone(views, lens, sizes[lens], board) for lens in lenses}
    poses = {origin: (np.eye(3), np.zeros(3))}
    for lens in lenses[1:]:
        poses[lens] = _pose(views, origin, lens, raw, board)

    common = _mean_rotation([rotation.T for rotation, _ in poses.values()]).T
    results, remarks = {}, []
    for lens in lenses:
        rotation, translation = poses[lens]
        K, D, _, looseness = raw[lens]
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
        error = _error(views, origin, model, raw, common, board)
        results[lens] = LensCalibration(model, raw[lens][2], error, -offset)
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


def _evenly(corners: list) -> list:
    places = np.linspace(0, len(corners) - 1, min(len(corners), _MOST)).round().astype(int)
    return [corners[place] for place in places]


def _near(errors: np.ndarray) -> np.ndarray:
    """Return which views to keep, by their errors: (N,) bool."""
    keep = errors <= _OUTLIER * np.median(errors)
    return keep if np.count_nonzero(keep) >= FEWEST else np.ones_like(keep)


def _calibrate_alone(
    views: Sequence[Mapping[str, np.ndarray]], lens: str, size: tuple[int, int], board: Chessboard
) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Return K, D, how many views they rest on, and the focal length's relative error."""
    corners = _evenly([view[lens] for view in views if lens in view])
    while True:
        points = [board.points()] * len(corners)
        _, K, D, _, _, deviations, _, errors = cv2.calibrateCameraExtended(
            points, corners, size, None, None, flags=_FLAGS
        )
        keep = _near(errors.ravel())
        if keep.all():
            return K, D.ravel(), len(corners), float(deviations[0, 0] / K[0, 0])
        corners = [each for each, kept in zip(corners, keep, strict=True) if kept]


def _pose(
    views: Sequence[Mapping[str, np.ndarray]],
    origin: str,
    lens: str,
    raw: Mapping[str, tuple],
    board: Chessboard,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotation and translation from the origin's frame to the lens's."""
    pairs = _evenly([(view[origin], view[lens]) for view in views if {origin, lens} <= {*view}])
    while True:
        # Older OpenCVs return less between the first and the last.
        _, _, _, _, _, rotation, translation, *_, errors = cv2.stereoCalibrateExtended(
            [board.points()] * len(pairs),
            [first for first, _ in pairs],
            [second for _, second in pairs],
            *raw[origin][:2],
            *raw[lens][:2],
            (0, 0),  # not used with fixed intrinsics
            np.eye(3),
            np.zeros(3),
            flags=cv2.CALIB_FIX_INTRINSIC,
        )
        keep = _near(errors.max(axis=1))
        if keep.all():
            return rotation, translation.ravel()
        pairs = [pair for pair, kept in zip(pairs, keep, strict=True) if kept]


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


def _error(
    views: Sequence[Mapping[str, np.ndarray]],
    origin: str,
    model: CameraModel,
    raw: Mapping[str, tuple],
    common: np.ndarray,
    board: Chessboard,
) -> float:
    errors = []
    for view in views:
        if not {origin, model.name} <= {*view}:
            continue
        # Where the origin sees the board is where the lens should see it.
        _, rotation, translation = cv2.solvePnP(board.points(), view[origin], *raw[origin][:2])
        points = common @ (cv2.Rodrigues(rotation)[0] @ board.points().T + translation)
        expected = model.P @ np.vstack([points, np.ones(points.shape[1])])
        seen = cv2.undistortPoints(
            view[model.name], model.K, model.D, R=model.R, P=model.P[:, :3]
        ).reshape(-1, 2)
        errors.append(np.square(expected[:2].T / expected[2:].T - seen).sum(axis=1).mean())
    # Of the middle view: single ones may be of a board in motion.
    return float(np.sqrt(np.median(errors)))
