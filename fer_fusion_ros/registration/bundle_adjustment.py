"""Fit lenses, where they stand to each other, and the boards that they saw, all at once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

View: TypeAlias = Mapping[str, np.ndarray]
"""The (N, 2) corners of a board in pixels that each lens saw at one moment."""

_ENOUGH = 1e-6
"""The fit ends when a step makes the squared error less than this share smaller."""

# Of a lens: fx, fy, cx, cy and four coefficients. Of a pose: rotation vector and translation.
_CAMERA, _POSE = 8, 6


class Intrinsics(NamedTuple):
    """
    What happens to light within a lens.

    :ivar distortion_model: plumb_bob, without its third radial coefficient, or equidistant.
    :ivar values: (8,) fx, fy, cx, cy in pixels, and four coefficients in OpenCV's order.
    """

    distortion_model: str
    values: np.ndarray

    @property
    def K(self) -> np.ndarray:
        """The (3, 3) pinhole matrix."""
        fx, fy, cx, cy = self.values[:4]
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])

    @property
    def D(self) -> np.ndarray:
        """The coefficients of OpenCV."""
        return self.values[4:] if self._is_fisheye else np.append(self.values[4:], 0.0)

    @property
    def _is_fisheye(self) -> bool:
        return self.distortion_model == 'equidistant'

    def project(self, points: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Return where points are seen.

        :param points: (N, 3).
        :param pose: (6,), brings them to the lens's frame.
        :return: (N, 2) pixels, and their (N, 2, 14) derivatives by `values` and the pose.
        """
        project = cv2.fisheye.projectPoints if self._is_fisheye else cv2.projectPoints
        pixels, slopes = project(points[:, None], pose[:3], pose[3:], self.K, self.D)[:2]
        if not self._is_fisheye:  # that has the pose first, and all of D
            slopes = np.hstack([slopes[:, _POSE : _POSE + _CAMERA], slopes[:, :_POSE]])
        return pixels.reshape(-1, 2), slopes[:, : _CAMERA + _POSE].reshape(-1, 2, _CAMERA + _POSE)

    def undistort(
        self, pixels: np.ndarray, R: np.ndarray | None = None, P: np.ndarray | None = None
    ) -> np.ndarray:
        """Return (N, 2) pixels as the rectified lens sees them; x / z and y / z without P."""
        pixels = np.asarray(pixels, np.float64)[:, None]
        if self._is_fisheye:
            found = cv2.fisheye.undistortPoints(pixels, self.K, self.D, R=R, P=P)
        else:
            exactly = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-6)
            found = cv2.undistortPointsIter(pixels, self.K, self.D, R, P, exactly)
        return found.reshape(-1, 2)


class Bundle(NamedTuple):
    """
    What was found.

    :ivar intrinsics: of each lens.
    :ivar poses: (6,) of each lens, brings the frame of the first to its own.
    :ivar boards: (views, N, 3) metres, the corners of the boards in the frame of the first lens.
    :ivar errors: (views,) root mean square in pixels of the lens that is furthest off.
    :ivar looseness: relative standard error of each lens's focal length.
    """

    intrinsics: dict[str, Intrinsics]
    poses: dict[str, np.ndarray]
    boards: np.ndarray
    errors: np.ndarray
    looseness: dict[str, float]


def adjust(views: Sequence[View], start: Mapping[str, Intrinsics], points: np.ndarray) -> Bundle:
    """
    Fit by Levenberg and Marquardt.

    A lens's focal length and how far away the board is are hard to tell apart by that lens alone.

    :param views: each with at least one lens.
    :param start: about what the lenses are; each shares a view with the first.
    :param points: (N, 3) metres, the corners on the board.
    """
    problem = _Problem(views, start, points.astype(np.float64))
    x = problem.begin()
    errors, slope, curvature = problem.off(x)
    damping = 1e-3
    while damping < 1e6:
        there = x - np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), slope)
        found = problem.off(there)
        before, after = _squares(errors), _squares(found[0])
        damping *= 0.1 if after < before else 10
        if after < before:
            x, (errors, slope, curvature) = there, found
            if before - after < _ENOUGH * before:
                break
    return problem.bundle(x, errors, curvature)


class _Problem:
    """The errors of corners, by one vector of cameras, poses (but the first lens's) and boards."""

    def __init__(
        self, views: Sequence[View], start: Mapping[str, Intrinsics], points: np.ndarray
    ) -> None:
        self._views = views
        self._start = start
        self._points = points
        self._seen = {lens: np.flatnonzero([lens in view for view in views]) for lens in start}
        self._corners = {
            lens: np.stack([views[place][lens] for place in seen])
            for lens, seen in self._seen.items()
        }
        self._parts = np.cumsum([_CAMERA * len(start), _POSE * (len(start) - 1)])

    def begin(self) -> np.ndarray:
        """Return what `start` alone tells."""
        poses_of = [
            {lens: _pose(self._points, self._start[lens], view[lens]) for lens in view}
            for view in self._views
        ]
        origin, *others = self._start
        poses = {origin: np.zeros(_POSE)}
        for lens in others:
            moves = [
                _then(_back(seen[origin]), seen[lens])
                for seen in poses_of
                if origin in seen and lens in seen
            ]
            turn = Rotation.from_rotvec([move[:3] for move in moves]).mean().as_rotvec()
            poses[lens] = np.concatenate([turn, np.median([move[3:] for move in moves], axis=0)])
        boards = []
        for seen in poses_of:
            lens = next(lens for lens in self._start if lens in seen)
            boards.append(_then(seen[lens], _back(poses[lens])))
        cameras = [lens.values for lens in self._start.values()]
        return np.concatenate([*cameras, *(poses[lens] for lens in others), *boards])

    def off(self, x: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """
        Return by how much the corners are off.

        :return: (views, N, 2) pixels of each lens, and the slope and Gauss's approximation of the
            curvature of half their squares' sum.
        """
        intrinsics, poses, boards = self._split(x)
        placed, turning = _placed(self._points, boards), _turning(self._points, boards)
        # At the end is room for the pose of the first lens, which stays.
        size = x.size + _POSE
        slope, curvature = np.zeros(size), np.zeros((size, size))
        errors = {}
        for place, (name, lens) in enumerate(intrinsics.items()):
            seen = self._seen[name]
            pixels, own = lens.project(placed[seen].reshape(-1, 3), poses[name])
            errors[name] = pixels.reshape(len(seen), -1, 2) - self._corners[name]
            own = own.reshape(len(seen), -1, 2, _CAMERA + _POSE)
            # Whether the board moves or the lens is the same, in the frame of each.
            moving = own[..., -3:] @ Rotation.from_rotvec(poses[name][:3]).as_matrix()
            slopes = np.concatenate([own, moving @ turning[seen], moving], axis=-1)
            slopes = slopes.reshape(len(seen), -1, slopes.shape[-1])
            pose = self._parts[0] + _POSE * (place - 1) if place else x.size
            fixed = np.r_[_CAMERA * place : _CAMERA * (place + 1), pose : pose + _POSE]
            board = self._parts[1] + _POSE * seen[:, None] + np.arange(_POSE)
            columns = np.hstack([np.tile(fixed, (len(seen), 1)), board])
            turned = slopes.transpose(0, 2, 1)
            np.add.at(slope, columns, (turned @ errors[name].reshape(len(seen), -1, 1))[..., 0])
            np.add.at(curvature, (columns[:, :, None], columns[:, None]), turned @ slopes)
        return errors, slope[: x.size], curvature[: x.size, : x.size]

    def bundle(
        self, x: np.ndarray, errors: Mapping[str, np.ndarray], curvature: np.ndarray
    ) -> Bundle:
        """Return what was found, and how sure it is."""
        intrinsics, poses, boards = self._split(x)
        of_views = np.zeros(len(self._views))
        for lens, off in errors.items():
            own = np.sqrt(np.square(off).sum(axis=2).mean(axis=1))
            of_views[self._seen[lens]] = np.maximum(of_views[self._seen[lens]], own)
        freedom = sum(off.size for off in errors.values()) - x.size
        deviations = np.sqrt(_squares(errors) / freedom * _inverse_diagonal(curvature))
        looseness = {
            name: float(deviations[_CAMERA * place] / lens.values[0])
            for place, (name, lens) in enumerate(intrinsics.items())
        }
        return Bundle(intrinsics, poses, _placed(self._points, boards), of_views, looseness)

    def _split(
        self, x: np.ndarray
    ) -> tuple[dict[str, Intrinsics], dict[str, np.ndarray], np.ndarray]:
        cameras, poses, boards = np.split(x, self._parts)
        intrinsics = {
            name: lens._replace(values=values)
            for (name, lens), values in zip(
                self._start.items(), cameras.reshape(-1, _CAMERA), strict=True
            )
        }
        poses = [np.zeros(_POSE), *poses.reshape(-1, _POSE)]
        return intrinsics, dict(zip(intrinsics, poses, strict=True)), boards.reshape(-1, _POSE)


def _pose(points: np.ndarray, lens: Intrinsics, corners: np.ndarray) -> np.ndarray:
    _, turn, place = cv2.solvePnP(points, lens.undistort(corners), np.eye(3), None)
    return np.concatenate([turn.ravel(), place.ravel()])


def _then(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the pose (6,) of one movement after another."""
    turn, place = cv2.composeRT(first[:3], first[3:], second[:3], second[3:])[:2]
    return np.concatenate([turn.ravel(), place.ravel()])


def _back(pose: np.ndarray) -> np.ndarray:
    """Return the pose (6,) that undoes another."""
    return np.concatenate([-pose[:3], -Rotation.from_rotvec(-pose[:3]).apply(pose[3:])])


def _placed(points: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Return (N, 3) points by each of (M, 6) poses: (M, N, 3)."""
    turns = Rotation.from_rotvec(poses[:, :3]).as_matrix()
    return points @ turns.transpose(0, 2, 1) + poses[:, None, 3:]


def _turning(points: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Return the derivatives of `_placed` by each pose's rotation vector: (M, N, 3, 3)."""
    slopes = [cv2.Rodrigues(pose[:3])[1].reshape(3, 3, 3) for pose in poses]
    return np.einsum('mtij,nj->mnit', slopes, points)


def _squares(errors: Mapping[str, np.ndarray]) -> float:
    return float(sum(np.square(off).sum() for off in errors.values()))


def _inverse_diagonal(curvature: np.ndarray) -> np.ndarray:
    """Return the diagonal of the inverse; very large where there is none."""
    scale = 1 / np.sqrt(np.diag(curvature))
    values, vectors = np.linalg.eigh(scale * curvature * scale[:, None])
    return (np.square(vectors) / np.maximum(values, 1e-100)).sum(axis=1) * scale**2
