"""Four lenses that look at photographs, in place of hardware."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import cv2
import numpy as np

from fer_fusion_ros.exceptions import RigError
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, is_infrared
from fer_fusion_ros.lenses.rig.calibration import (
    FOCAL_LENGTH,
    HEIGHT,
    RIG_MODELS,
    WIDTH,
    lens_position,
)
from fer_fusion_ros.lenses.rig.photographs import Photographs
from fer_fusion_ros.lenses.rig.photometry import (
    PHOTOMETRY,
    infrared_reflectance,
    infrared_response,
    lamp_pattern,
    visible_response,
)
from fer_fusion_ros.lenses.rig.rig_truth import Box, RigTruth
from fer_fusion_ros.limits import is_within

# The wall stands this far behind the people, in metres, and is painted in pixels per metre.
WALL_DEPTH = 1.2
WALL_SCALE = 240.0
# From one person's face to the next, in metres.
SPACING = 0.42
# A face stands this far above the middle of the picture, in metres: shoulders fit in below.
FACE_HEIGHT = 0.12
# Texture pixels per sensor pixel, so that drawing a photograph does not blur it further.
OVERSAMPLING = 1.3
# Periods of the sway, in seconds: sideways and up and down.
SWAY_PERIODS = (5.3, 3.1)

RANGES: dict[str, tuple[float, float]] = {
    'light': (0.0, 1.0),
    'distance': (0.5, 20.0),
    'people': (1, 8),
    'dwell': (0.1, 1e6),
    'sway': (0.0, 1.0),
    'seed': (0, 2**31 - 1),
    'fps': (0.1, 1000.0),
    'jitter': (0.0, 5.0),
    'drop': (0.0, 1.0),
}
"""Lowest and highest value of each number that `SimulatedRig` takes, both included.

Where they are of type int, the number must be whole.
"""


class _Texture(NamedTuple):
    """A photograph ready to be drawn, with its colours multiplied by its opacity."""

    pixels: np.ndarray  # (h, w, 4) uint8 bgr and opacity, or (h, w, 2) grey and opacity
    centre: tuple[float, float]  # of the face, in pixels
    scale: float  # pixels per metre


class SimulatedRig:
    """Render what each lens of the array sees of real photographs, with the truth known.

    Every photograph stands on a plane at the distance, at its true size; the people sway; the
    visible lenses depend on the light of the room and the infrared ones on the rig's own lamp.
    The same arguments give the same pictures. All methods may be called from several threads.

    A picture takes about 1 to 3 ms of one core. OpenCV's own threads bring nothing at this size:
    call ``cv2.setNumThreads(1)`` where the lenses have a thread each.

    :param faces: photographs, as `Photographs` takes them; None for the astronaut.
    :param labels: expression of each photograph, if known.
    :param distance: from the array to the faces, in metres.
    :param light: of the room, 1.0 daylight to 0.02 near dark, or a function of time in seconds.
    :param people: how many stand side by side.
    :param dwell: time in seconds until the next photographs step in front of the rig.
    :param sway: how far people move to either side, in metres; 0 to stand still.
    :param seed: of everything random.
    :param fps: frames per second of each lens.
    :param jitter: largest deviation of a frame's time from the beat, in seconds; at most half a
        period.
    :param drop: share of the frames that a lens loses, 0-1.
    :raises RigError: when an argument makes no sense, or a first photograph shows no face.
    """

    def __init__(
        self,
        faces: str | Path | np.ndarray | Sequence[np.ndarray] | None = None,
        labels: Sequence[str] | None = None,
        *,
        distance: float = 3.0,
        light: float | Callable[[float], float] = 1.0,
        people: int = 1,
        dwell: float = 5.0,
        sway: float = 0.05,
        seed: int = 0,
        fps: float = 30.0,
        jitter: float = 0.0,
        drop: float = 0.0,
    ) -> None:
        given = {
            'light': 1.0 if callable(light) else light,
            'distance': distance,
            'people': people,
            'dwell': dwell,
            'sway': sway,
            'seed': seed,
            'fps': fps,
            'jitter': jitter,
            'drop': drop,
        }
        for name, value in given.items():
            _check_number(name, value)
        if jitter > 0.5 / fps:
            raise RigError(f'jitter is {jitter}; give at most half a period, {0.5 / fps:g}')
        self.photographs = Photographs(faces, labels)
        _check_photographs(self.photographs)
        self.distance = float(distance)
        self.people = people
        self.fps = float(fps)
        self._light = light if callable(light) else lambda _: light
        self._dwell = dwell
        self._sway = sway
        self._seed = seed
        self._jitter = jitter
        self._drop = drop

        rng = np.random.default_rng([seed, 0])
        self._phases = rng.uniform(0, 2 * np.pi, (people, 2))
        # Standard normal noise, as the index of one of 256 quantiles.
        self._noise = rng.integers(0, 256, 4 * WIDTH * HEIGHT * 3, np.uint8)
        wall = _wall(rng)
        self._rays = {lens: _rays(lens) for lens in LENSES}
        lamp = lamp_pattern(HEIGHT, WIDTH, PHOTOMETRY.lamp_vignette)
        self._lamp = np.rint(lamp * 255).astype(np.uint8)
        self._walls = {lens: self._draw_wall(lens, wall) for lens in LENSES}
        self._face_box = lru_cache(256)(self.photographs.face_box)
        self._texture = lru_cache(64)(self._make_texture)
        self._response = lru_cache(64)(_make_response)
        self.truth(0.0)  # complains now, not in the first picture, of people without a face

    def camera_model(self, lens: str) -> CameraModel:
        """Return the exact calibration of ``lens``."""
        return RIG_MODELS[lens]

    def light(self, t: float) -> float:
        """Return the visible light level at time ``t`` in seconds.

        :raises RigError: when the function of time gives no level.
        """
        level = self._light(t)
        _check_number('light', level)
        return float(level)

    def frame_time(self, lens: str, index: int) -> float | None:
        """Return when ``lens`` takes a frame, in seconds, or None when that frame is lost.

        :param index: number of the frame, from 0.
        """
        if not self._jitter and not self._drop:
            return index / self.fps
        rng = np.random.default_rng([self._seed, 1, LENSES.index(lens), index])
        late, lost = rng.uniform(-self._jitter, self._jitter), rng.uniform() < self._drop
        return None if lost else index / self.fps + late

    def render(self, lens: str, t: float, face: int | None = None) -> np.ndarray:
        """Return what ``lens`` sees at a moment.

        :param lens: name of the lens.
        :param t: time in seconds.
        :param face: index of the photograph of the first person; None to follow the time.
        :return: raw, distorted uint8 picture, ``(480, 640)`` infrared or ``(480, 640, 3)`` bgr.
        :raises RigError: when the photograph shows no face.
        """
        canvas = self._walls[lens].copy()
        for person in range(self.people):
            self._draw(canvas, lens, self._face(person, t, face), self._position(person, t))
        # In thousandths, so that a light that changes slowly does not need a table per frame.
        level = 0.0 if is_infrared(lens) else round(self.light(t), 3)
        return self._expose(canvas, lens, t, level)

    def truth(self, t: float, face: int | None = None) -> list[RigTruth]:
        """Return what is true at a moment, for each person from left to right."""
        truths = []
        for person in range(self.people):
            index = self._face(person, t, face)
            x, y, z = position = self._position(person, t)
            _, _, width, height = self._face_box(index)
            half = PHOTOMETRY.face_width / 2
            tall = half * height / width
            corners = [(x - half, y - tall), (x + half, y + tall)]
            truths.append(
                RigTruth(
                    face_box={lens: _box(self._project(lens, corners)) for lens in LENSES},
                    position=position,
                    distance=z,
                    face=index,
                    expression=self.photographs.label(index),
                    light=self.light(t),
                )
            )
        return truths

    def _face(self, person: int, t: float, face: int | None) -> int:
        first = self.people * int(t // self._dwell) if face is None else face
        return (first + person) % len(self.photographs)

    def _position(self, person: int, t: float) -> tuple[float, float, float]:
        side, rise = np.sin(2 * np.pi * t / np.array(SWAY_PERIODS) + self._phases[person])
        home = (person - (self.people - 1) / 2) * SPACING
        return (
            float(home + self._sway * side),
            float(-FACE_HEIGHT + 0.2 * self._sway * rise),
            self.distance,
        )

    def _project(self, lens: str, points: Sequence[tuple[float, float]]) -> np.ndarray:
        """Return (N, 2) raw pixels of points (x, y) in metres on the plane of the faces."""
        model = RIG_MODELS[lens]
        seen = np.array([(*point, self.distance) for point in points]) - lens_position(lens)
        turn = cv2.Rodrigues(model.R.T)[0]
        return cv2.projectPoints(seen, turn, np.zeros(3), model.K, model.D)[0][:, 0]

    def _draw(
        self, canvas: np.ndarray, lens: str, face: int, position: tuple[float, float, float]
    ) -> None:
        """Draw one person over what stands on the canvas."""
        pixels, centre, scale = self._texture(face, is_infrared(lens))
        height, width = pixels.shape[:2]
        left, top = position[0] - centre[0] / scale, position[1] - centre[1] / scale
        right, bottom = left + width / scale, top + height / scale
        corners = self._project(lens, [(left, top), (right, top), (left, bottom), (right, bottom)])
        # Distortion bends the edges outwards by a pixel or two.
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - 3, 0)
        x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 4, (WIDTH, HEIGHT))
        if x0 >= x1 or y0 >= y1:
            return
        offset = lens_position(lens)
        rays = [ray[y0:y1, x0:x1] for ray in self._rays[lens]]
        u = rays[0] * np.float32(self.distance * scale) + np.float32((offset[0] - left) * scale)
        v = rays[1] * np.float32(self.distance * scale) + np.float32((offset[1] - top) * scale)
        # Texture pixel 0 has its middle at 0.5.
        drawn = cv2.remap(pixels, u - np.float32(0.5), v - np.float32(0.5), cv2.INTER_LINEAR)
        area = canvas[y0:y1, x0:x1]
        opacity = drawn[..., -1]
        if is_infrared(lens):
            seen = cv2.multiply(drawn[..., 0], self._lamp[y0:y1, x0:x1], scale=1 / 255)
        else:
            seen = drawn[..., :3]
            opacity = cv2.merge([opacity] * 3)
        area[:] = cv2.add(cv2.multiply(area, 255 - opacity, scale=1 / 255), seen)

    def _expose(self, canvas: np.ndarray, lens: str, t: float, level: float) -> np.ndarray:
        """Turn a scene in daylight or under the lamp into the sensor's picture."""
        table = self._response(level, 0.0 if not is_infrared(lens) else self.distance)
        key = [self._seed, 2, LENSES.index(lens), round(t * 1e6) % 2**32]
        start = int(np.random.default_rng(key).integers(self._noise.size - canvas.size))
        noise = self._noise[start : start + canvas.size].reshape(HEIGHT, -1)
        # The table is 256 tones by 256 quantiles of the noise; both bytes make one index.
        index = cv2.merge([noise, canvas.reshape(HEIGHT, -1)]).view('<u2')
        return table.take(index).reshape(canvas.shape)

    def _make_texture(self, face: int, infrared: bool) -> _Texture:
        picture = self.photographs[face]
        x, y, width, height = self._face_box(face)
        scale = OVERSAMPLING * FOCAL_LENGTH / self.distance  # pixels per metre
        factor = PHOTOMETRY.face_width * scale / width
        # What lies more than a metre away from the face is never seen at 3 m.
        reach = (SPACING / 2 if self.people > 1 else 0.3 * self.distance) * scale / factor
        x0 = max(0, round(x + width / 2 - reach))
        x1 = min(picture.shape[1], round(x + width / 2 + reach))
        picture = picture[:, x0:x1]
        picture = cv2.resize(
            picture,
            None,
            fx=factor,
            fy=factor,
            interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC,
        )
        centre = np.array([x - x0 + width / 2, y + height / 2]) * factor
        # The photograph's edges fade into the wall instead of ending.
        fade = round(0.3 * factor * width)
        picture = cv2.copyMakeBorder(picture, *[fade] * 4, cv2.BORDER_REFLECT)
        opacity = _fade(*picture.shape[:2], fade)
        if infrared:
            reflected = infrared_reflectance(
                to_grey(picture).astype(np.float32) / 255, factor * width
            )
            layers = [reflected * opacity * 255]
        else:
            bgr = picture if picture.ndim == 3 else cv2.merge([picture] * 3)
            layers = [*cv2.split(bgr * opacity[..., None])]
        pixels = np.rint(np.dstack([*layers, opacity * 255])).astype(np.uint8)
        return _Texture(pixels, (float(centre[0]) + fade, float(centre[1]) + fade), scale)

    def _draw_wall(self, lens: str, wall: np.ndarray) -> np.ndarray:
        """Return the empty room as ``lens`` sees it, uint8."""
        offset = lens_position(lens)
        depth = self.distance + WALL_DEPTH
        u, v = (
            ((ray * depth + offset[axis]) * WALL_SCALE + size / 2).astype(np.float32)
            for axis, (ray, size) in enumerate(
                zip(self._rays[lens], wall.shape[1::-1], strict=True)
            )
        )
        seen = cv2.remap(wall, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        if not is_infrared(lens):
            return seen
        # Display-encoded light falls off with the distance instead of its square.
        return cv2.multiply(to_grey(seen), self._lamp, scale=self.distance / depth / 255)


def _check_number(name: str, value: object) -> None:
    low, high = RANGES[name]
    if not is_within(value, low, high):
        kind = 'a whole number from ' if isinstance(low, int) else ''
        raise RigError(f'{name} is {value!r}; give {kind}{low:g} to {high:g}')


def _check_photographs(photographs: Photographs) -> None:
    for index in range(len(photographs)):
        picture = np.asarray(photographs[index])
        grey_or_bgr = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
        if picture.dtype != np.uint8 or not grey_or_bgr or not picture.size:
            raise RigError(
                f'photograph {index} is {picture.dtype} of shape {picture.shape}; give uint8 of '
                'shape (H, W), grey, or (H, W, 3), bgr'
            )


def _make_response(light: float, distance: float) -> np.ndarray:
    """Return what becomes of every 8-bit tone under every quantile of the noise.

    :param light: of the room, for a visible sensor; `distance` is 0 then.
    :param distance: to the faces in metres, for an infrared sensor.
    :return: uint8 ``(65536,)``, indexed by 256 * tone + quantile.
    """
    quantiles = [NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)]
    tones, noise = np.meshgrid(
        np.linspace(0, 1, 256, dtype=np.float32), np.array(quantiles, np.float32), indexing='ij'
    )
    if distance:
        seen = infrared_response(tones, distance, noise)
    else:
        seen = visible_response(tones, light, noise)
    return np.rint(seen * 255).astype(np.uint8).ravel()


def _rays(lens: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x/z and y/z of the ray of every raw pixel, in the array's orientation."""
    model = RIG_MODELS[lens]
    grid = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(np.float64)
    rays = cv2.undistortPoints(grid.reshape(-1, 1, 2), model.K, model.D, R=model.R)
    x, y = rays.reshape(HEIGHT, WIDTH, 2).astype(np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def _box(corners: np.ndarray) -> Box:
    (x0, y0), (x1, y1) = corners
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def _fade(height: int, width: int, margin: int) -> np.ndarray:
    """Return opacity float32 that rises smoothly from 0 at the border to 1 at the margin."""
    y = np.minimum(np.arange(height), np.arange(height)[::-1]) / max(margin, 1)
    x = np.minimum(np.arange(width), np.arange(width)[::-1]) / max(margin, 1)
    ramp = np.minimum(y[:, None], x[None, :]).clip(0, 1).astype(np.float32)
    return ramp * ramp * (3 - 2 * ramp)


def _wall(rng: np.random.Generator) -> np.ndarray:
    """Paint a plain wall, lit from above, with a little texture."""
    height, width = 600, 800
    coarse = cv2.resize(
        rng.normal(0, 1, (12, 16)).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 1.5)
    tone = np.linspace(190, 130, height, dtype=np.float32)[:, None] + 5 * coarse + 8 * fine
    colour = np.array([0.96, 1.0, 1.03], np.float32)
    return np.clip(tone[..., None] * colour, 0, 255).astype(np.uint8)
