"""What is known about one lens: the pinhole model and its place in the array."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import yaml

from fer_fusion_ros.exceptions import CalibrationError
from fer_fusion_ros.limits import is_within

DISTORTION_COEFFICIENTS: dict[str, tuple[int, ...]] = {
    'plumb_bob': (4, 5),
    'rational_polynomial': (8, 12, 14),
    'equidistant': (4,),
}
"""The distortion models that are understood, and how many coefficients each may have."""


@dataclass(frozen=True, eq=False)
class CameraModel:
    """Calibration of one lens, with the meaning of ``sensor_msgs/CameraInfo`` (REP-104).

    ``R`` turns the lens's optical frame into the orientation that all rectified lenses share.
    ``P`` is ``K'[I | t]`` with ``t`` the array's origin in the rectified lens, in metres:
    ``P[0, 3] = fx tx`` and ``P[1, 3] = fy ty``.

    :param name: name of the lens.
    :param width, height: size of the image in pixels.
    :param K: (3, 3) float64, pinhole matrix of the raw, distorted image in pixels.
    :param D: (n,) float64, distortion coefficients in OpenCV's order; none stand for zeros.
    :param distortion_model: a key of `DISTORTION_COEFFICIENTS`.
    :param R: (3, 3) float64, rectifying rotation.
    :param P: (3, 4) float64, projection matrix of the rectified image in pixels.
    :param frame_id: optical frame of the lens, '' when unknown.
    :raises CalibrationError: when the values contradict each other.
    """

    name: str
    width: int
    height: int
    K: np.ndarray
    D: np.ndarray
    distortion_model: str
    R: np.ndarray
    P: np.ndarray
    frame_id: str = ''

    def __post_init__(self) -> None:
        shapes = {'K': (3, 3), 'D': (-1,), 'R': (3, 3), 'P': (3, 4)}
        for field, shape in shapes.items():
            try:
                values = np.array(getattr(self, field), np.float64).reshape(shape)
            except (TypeError, ValueError) as error:
                raise self._error(field, f'must be numbers of shape {shape} ({error})') from error
            if not np.isfinite(values).all():
                raise self._error(field, 'has a value that is not finite')
            values.flags.writeable = False
            object.__setattr__(self, field, values)
        for field in ('width', 'height'):
            if getattr(self, field) < 1:
                raise self._error(field, 'must be the size of the image in pixels, at least 1')
        # A file may hold anything here, also what is no key.
        counts = DISTORTION_COEFFICIENTS.get(str(self.distortion_model))
        if counts is None:
            raise self._error(
                'distortion_model',
                f'is {self.distortion_model!r}, must be one of '
                + ', '.join(DISTORTION_COEFFICIENTS),
            )
        if not len(self.D):
            # As good as all zero.
            object.__setattr__(self, 'D', np.zeros(counts[-1]))
        if len(self.D) not in counts:
            raise self._error(
                'D',
                f'has {len(self.D)} coefficients, but {self.distortion_model} has '
                + ' or '.join(map(str, counts)),
            )
        for field in ('K', 'P'):
            matrix = getattr(self, field)
            if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
                raise self._error(field, 'must have positive focal lengths in pixels')
            if not np.array_equal(matrix[2, :3], (0.0, 0.0, 1.0)):
                raise self._error(field, f'must have 0 0 1 in its last row, not {matrix[2, :3]}')
        # A mirror is orthogonal too.
        if not np.allclose(self.R @ self.R.T, np.eye(3), atol=1e-3) or np.linalg.det(self.R) < 0:
            raise self._error('R', 'must be a rotation; use the identity for a single lens')

    def _error(self, field: str, problem: str) -> CalibrationError:
        return CalibrationError(f'calibration of lens {self.name!r}: {field} {problem}')

    @classmethod
    def from_yaml(
        cls,
        source: str | Path,
        resolve_package: Callable[[str], str | Path] | None = None,
        frame_id: str = '',
    ) -> CameraModel:
        """Read a calibration in the format of ``camera_info_manager``.

        :param source: a path, ``file:///…`` or ``package://<package>/…``.
        :param resolve_package: gives the share folder of a package by its name; needed for
            ``package://``.
        :param frame_id: optical frame of the lens, which the format does not hold.
        :raises CalibrationError: naming the file, the field and what to write there.
        """
        path = resolve_url(source, resolve_package)
        try:
            text = path.read_text(encoding='utf-8')
        except (OSError, UnicodeDecodeError) as error:
            raise CalibrationError(
                f'cannot read the calibration file {path} ({error}); '
                'write it with camera_calibration, or correct camera_info_url'
            ) from error
        try:
            fields = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CalibrationError(f'{path} is not YAML: {error}') from error
        if not isinstance(fields, Mapping):
            raise CalibrationError(
                f'{path} is empty or no table of fields; expected image_width, camera_matrix, …'
            )
        values = {
            'name': str(_field(path, fields, 'camera_name', default=path.stem)),
            'width': _whole(path, fields, 'image_width'),
            'height': _whole(path, fields, 'image_height'),
            'K': _matrix(path, fields, 'camera_matrix', 3, 3),
            'D': _matrix(path, fields, 'distortion_coefficients').ravel(),
            'distortion_model': _field(path, fields, 'distortion_model', default='plumb_bob'),
            'R': _matrix(path, fields, 'rectification_matrix', 3, 3),
            'P': _matrix(path, fields, 'projection_matrix', 3, 4),
        }
        try:
            return cls(**values, frame_id=frame_id)
        except CalibrationError as error:
            raise CalibrationError(f'{path}: {error}') from error

    def to_yaml(self, path: str | Path) -> None:
        """Write the calibration to ``path`` in the format of ``camera_info_manager``."""
        Path(path).write_text(self.yaml(), encoding='utf-8')

    def yaml(self) -> str:
        """Return the calibration in the format of ``camera_info_manager``."""
        fields = {
            'image_width': self.width,
            'image_height': self.height,
            'camera_name': self.name,
            'camera_matrix': _table(self.K),
            'distortion_model': self.distortion_model,
            'distortion_coefficients': _table(self.D[None]),
            'rectification_matrix': _table(self.R),
            'projection_matrix': _table(self.P),
        }
        return yaml.safe_dump(fields, sort_keys=False, default_flow_style=None, width=99)

    def fits(self, width: int, height: int) -> bool:
        """Tell whether images of this size have the shape of those that it was calibrated with."""
        # Sizes are rounded to whole pixels.
        return abs(self.height * width / self.width - height) < 1

    def scaled(self, width: int, height: int) -> CameraModel:
        """Return the model for images of another resolution than it was calibrated at."""
        if (self.width, self.height) == (width, height):
            return self
        x, y = width / self.width, height / self.height
        # Pixel centres are at whole numbers: the corner of the image is at (-0.5, -0.5).
        scale = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
        return replace(self, width=width, height=height, K=scale @ self.K, P=scale @ self.P)

    def rectified(self) -> CameraModel:
        """Return the model of this lens's rectified image: no distortion, no rotation."""
        return replace(
            self,
            K=self.P[:, :3],
            D=np.zeros(5),
            distortion_model='plumb_bob',
            R=np.eye(3),
        )


def resolve_url(
    source: str | Path, resolve_package: Callable[[str], str | Path] | None = None
) -> Path:
    """Return the file that a path, ``file:///…`` or ``package://<package>/…`` names.

    :raises CalibrationError: when the URL has another scheme or its package is unknown.
    """
    text = str(source)
    if '://' not in text:
        return Path(text).expanduser()
    url = urlsplit(text)
    if url.scheme == 'file' and url.netloc in ('', 'localhost'):
        return Path(unquote(url.path))
    if url.scheme == 'package' and resolve_package is not None:
        try:
            share = resolve_package(url.netloc)
        except (LookupError, OSError) as error:  # OSError: no install space is sourced
            raise CalibrationError(
                f'{text}: package {url.netloc!r} is not found; '
                'build it and source its install space, or use file:///…'
            ) from error
        except ValueError as error:
            raise CalibrationError(
                f'{text}: {url.netloc!r} is no name of a package; '
                'write package://<package>/…, or use file:///…'
            ) from error
        return Path(share, unquote(url.path).lstrip('/'))
    raise CalibrationError(
        f'{text}: not understood here; use an absolute path, file:///… '
        'or, in a node, package://<package>/…'
    )


_MISSING = object()


def _field(path: Path, fields: Mapping, name: str, default: Any = _MISSING) -> Any:
    value = fields.get(name, default)
    if value is _MISSING or value is None:
        raise CalibrationError(f'{path}: field {name} is missing; calibrate again, or add it')
    return value


def _whole(path: Path, fields: Mapping, name: str) -> int:
    value = _field(path, fields, name)
    if not is_within(value, 1, math.inf):
        raise CalibrationError(
            f'{path}: field {name} is {value!r}; write the size of the image in pixels'
        )
    return value


def _matrix(
    path: Path, fields: Mapping, name: str, rows: int | None = None, columns: int | None = None
) -> np.ndarray:
    table = _field(path, fields, name)
    try:
        shape = (int(table['rows']), int(table['cols']))
        matrix = np.array(table['data'], np.float64).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(
            f'{path}: field {name} is no matrix ({type(error).__name__}: {error}); '
            'write rows, cols and as many numbers in data'
        ) from error
    if rows is not None and shape != (rows, columns):
        raise CalibrationError(
            f'{path}: field {name} is {shape[0]}x{shape[1]}, but must be {rows}x{columns}'
        )
    return matrix


def _table(matrix: np.ndarray) -> dict[str, Any]:
    rows, columns = matrix.shape
    return {'rows': rows, 'cols': columns, 'data': matrix.ravel().tolist()}
