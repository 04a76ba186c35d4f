"""Calibrate the lenses of an array together, by a chessboard that all of them see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import optical_frame
from fer_fusion_ros.registration.bundle_adjustment import Bundle, Intrinsics, View, adjust
from fer_fusion_ros.registration.chessboard import Chessboard, aligned

_ORDER = ('vis_left', 'vis_right', 'ir_left', 'ir_right')
"""The first of these that there is becomes the array's origin."""

FEWEST = 10
"""Views of the board that each lens must have, alone and together with the origin."""

_MOST = 40
"""More views of a lens only take longer."""

_OUTLIER = 3.0
"""Views further off than so many times the median are left out: the board moved, or bent."""

_LOOSE = 0.01
"""Relative standard error of a focal length above which a remark is made."""

_FAR_OFF, _USELESS = 1.0, 10.0
"""Error in pixels above which a remark is made, or the calibration refused."""

_COVERED = 0.7
"""Share of the picture's width and height below which a remark is made."""

_AHEAD = 0.02
"""Metres along the optical axis between two lenses above which a remark is made."""

_TURNED = 15.0
"""Degrees by which rectifying may turn a lens's picture before a remark is made."""

_WIDE = 0.7
"""A lens is `equidistant` if that makes its error so many times smaller."""

_CARE = (
    'hold the board still in each place, see that it is flat, the lenses synchronised and none '
    'upside down or mirrored'
)


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
    views: Sequence[View],
    sizes: Mapping[str, tuple[int, int]],
    board: Chessboard,
) -> tuple[dict[str, LensCalibration], list[str]]:
    """
    Calibrate each lens, and find how they stand to each other.

    All rectified lenses look the same way, the mean of the ways in which they are mounted, upright
    by the origin.

    :param views: the corners that each lens saw at one moment, as `Chessboard.find` returns them.
    :param sizes: width and height of each lens's images in pixels; these lenses are calibrated.
    :return: the lenses, and remarks for the user on what makes the result less sure.
    :raises CalibrationError: if a lens saw the board too seldom, or nothing fits what it saw.
    """
    order = sorted(sizes, key=_ORDER.index)
    origin = order[0]
    _check(views, order, board)
    views = _chosen([_aligned(view) for view in views if view], order)
    alone = {lens: _calibrate_alone(views, lens, sizes[lens], board) for lens in order}
    bundle, views = _fit(views, alone, board)
    off = np.median(bundle.errors)
    if off > _USELESS:
        raise CalibrationError(
            f'nothing fits what the lenses saw: the corners are {off:.0f} pixels off; {_CARE}'
        )

    turns = {name: Rotation.from_rotvec(pose[:3]) for name, pose in bundle.poses.items()}
    common = _orientation([*turns.values()])
    results, remarks = {}, []
    for name, lens in bundle.intrinsics.items():
        R = common @ turns[name].inv().as_matrix()
        offset = R @ bundle.poses[name][3:]  # the origin, in the rectified lens
        camera = _rectified_camera(sizes[name], lens, R)
        model = CameraModel(
            name,
            *sizes[name],
            K=lens.K,
            D=lens.D,
            distortion_model=lens.distortion_model,
            R=R,
            P=np.column_stack([camera, camera @ [*offset[:2], 0.0]]),
            frame_id=optical_frame(name),
        )
        seen = [
            (view[name], points @ common.T)
            for view, points in zip(views, bundle.boards, strict=True)
            if name in view
        ]
        result = LensCalibration(model, len(seen), _error(seen, lens, model), -offset)
        results[name] = result
        corners = np.concatenate([corners for corners, _ in seen])
        own = _error(seen, lens, model, offset[2])
        remarks += _remarks(result, own, origin, bundle.looseness[name], np.ptp(corners, axis=0))
    return results, remarks


def _check(views: Sequence[View], lenses: Sequence[str], board: Chessboard) -> None:
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


def _aligned(view: View) -> dict[str, np.ndarray]:
    reference = next(iter(view.values()))
    return {lens: aligned(corners, reference) for lens, corners in view.items()}


def _chosen(views: Sequence[View], lenses: Sequence[str]) -> list[View]:
    """Return up to `_MOST` views of each lens, those that it shares with others first."""
    order = np.random.default_rng(0).permutation(len(views))
    counts = dict.fromkeys(lenses, 0)
    chosen = []
    for place in sorted(order, key=lambda place: -len(views[place])):
        if any(counts[lens] < _MOST for lens in views[place]):
            chosen.append(views[place])
            for lens in views[place]:
                counts[lens] += 1
    return chosen


def _calibrate_alone(
    views: Sequence[View], lens: str, size: tuple[int, int], board: Chessboard
) -> Intrinsics:
    corners = [view[lens] for view in views if lens in view]
    points = [board.points()] * len(corners)
    _, K, D, *_ = cv2.calibrateCamera(points, corners, size, None, None, flags=cv2.CALIB_FIX_K3)
    pinhole = [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]
    own = [{lens: view[lens]} for view in views if lens in view]

    def fit(distortion_model: str, coefficients: np.ndarray) -> tuple[Intrinsics, float]:
        start = Intrinsics(distortion_model, np.array([*pinhole, *coefficients]))
        bundle = adjust(own, {lens: start}, board.points())
        return bundle.intrinsics[lens], float(np.square(bundle.errors).mean() ** 0.5)

    # OpenCV's own calibration of wide lenses often gives up.
    (plain, error), (wide, by_wide) = fit('plumb_bob', D.ravel()[:4]), fit('equidistant', [0] * 4)
    return wide if by_wide < _WIDE * error else plain


def _fit(
    views: Sequence[View], alone: Mapping[str, Intrinsics], board: Chessboard
) -> tuple[Bundle, Sequence[View]]:
    """Return the fit to the views that are not far off, and these."""
    while True:
        bundle = adjust(views, alone, board.points())
        near = bundle.errors <= _OUTLIER * np.median(bundle.errors)
        kept = [view for view, is_near in zip(views, near, strict=True) if is_near]
        if near.all() or min(sum(lens in view for view in kept) for lens in alone) < FEWEST:
            return bundle, views
        views, alone = kept, bundle.intrinsics


def _orientation(turns: Sequence[Rotation]) -> np.ndarray:
    """Return the (3, 3) rotation from the origin's frame to that of all rectified lenses."""
    ahead = np.sum([turn.inv().apply([0, 0, 1]) for turn in turns], axis=0)
    ahead /= np.linalg.norm(ahead)
    down = np.cross(ahead, [1, 0, 0])
    down /= np.linalg.norm(down)
    return np.stack([np.cross(down, ahead), down, ahead])


def _rectified_camera(size: tuple[int, int], lens: Intrinsics, R: np.ndarray) -> np.ndarray:
    """Return the (3, 3) matrix of the rectified image: focal length and centre stay."""
    centre = (np.array(size) - 1) / 2
    focal = lens.values[:2].mean()
    x, y = centre - focal * lens.undistort([centre], R)[0]
    return np.array([[focal, 0, x], [0, focal, y], [0, 0, 1.0]])


def _error(
    seen: Sequence[tuple[np.ndarray, np.ndarray]],
    lens: Intrinsics,
    model: CameraModel,
    behind: float = 0.0,
) -> float:
    """
    Return by how far corners are from where boards are expected in the rectified image.

    :param behind: metres by which the lens is behind the origin, which `P` does not hold.
    """
    camera, place = model.P[:, :3], model.P[:, 3]
    errors = []
    for corners, points in seen:
        expected = points @ camera.T + place + behind * camera[:, 2]
        off = expected[:, :2] / expected[:, 2:] - lens.undistort(corners, model.R, camera)
        errors.append(np.square(off).sum(axis=1).mean())
    # Of the middle view: single ones may be of a board in motion.
    return float(np.sqrt(np.median(errors)))


def _remarks(
    result: LensCalibration, own: float, origin: str, looseness: float, covered: np.ndarray
) -> list[str]:
    """
    Return what makes the calibration of a lens less sure.

    :param own: its error, but for what comes of its being ahead of the origin or behind it.
    """
    model, ahead, remarks = result.model, result.place[2], []
    if looseness > _LOOSE:
        remarks.append(
            f'the focal length is known to {looseness:.1%} only; show the board tilted more, to '
            'all sides, and nearer'
        )
    if (covered < _COVERED * np.array([model.width, model.height])).any():
        remarks.append(
            f'the board was seen in {covered[0]:.0f}x{covered[1]:.0f} of its '
            f'{model.width}x{model.height} pixels, outside of which it is guesswork; show it at '
            'all edges of the picture'
        )
    if own > _FAR_OFF:
        remarks.append(f'the corners are {own:.1f} pixels off; {_CARE}')
    if abs(ahead) > _AHEAD or own <= _FAR_OFF < result.error:
        remarks.append(
            f'stands {abs(ahead) * 1e3:.0f} mm {"ahead of" if ahead > 0 else "behind"} {origin}, '
            'which the projection matrix cannot tell; near faces at the edge of the picture are '
            'fused out of place'
        )
    turned = np.degrees(np.linalg.norm(cv2.Rodrigues(model.R)[0]))
    if turned > _TURNED:
        remarks.append(
            f'rectifying turns its picture by {turned:.0f}°, and leaves less of it; mount the '
            'lenses parallel'
        )
    return [f'{model.name}: {remark}' for remark in remarks]
