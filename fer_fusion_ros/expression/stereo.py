"""Find a face of one side in the other one, and how far away it is."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from fer_fusion_ros.faces.detection import Box, is_inside
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.registration.registered_pair import RegisteredPair
from fer_fusion_ros.registration.registrar import in_one_place
from fer_fusion_ros.registration.warped_image import ImageView

FACE_WIDTH: float = 0.18
"""Width in metres of the box around a grown-up's face: the distance's first guess, and the only
one where one side is left. Heads differ by some 10 %."""

_NEARER, _FARTHER = 0.6, 1.8
"""Bounds of the distance in the first guess."""

_PATCH = 32
"""Width in pixels to which a face is scaled to be matched."""

_MIN_MATCH = 0.5
"""Correlation below which two patches do not show the same face."""

_DARK = 30.0
"""Mean grey level of a face below which it is matched in infrared."""

_FLAT = 2.0
"""Standard deviation of grey levels below which an image shows no face: a covered or saturated
lens, a camera that fails. It would match anywhere."""


class Sighting(NamedTuple):
    """
    A face in the other side's image, and its distance.

    :ivar box: x, y, width, height in the other image; None when it is not there.
    :ivar distance: metres along the optical axis; NaN without calibration.
    """

    box: Box | None
    distance: float


def distance_by_width(model: CameraModel | None, box: Box) -> float:
    """Return metres along the optical axis to a face of usual width; NaN without a model."""
    return math.nan if model is None else float(model.P[0, 0] * FACE_WIDTH / box[2])


def position(model: CameraModel | None, box: Box, distance: float) -> np.ndarray | None:
    """Return the box's centre at a distance as (3,) metres in the rectified lens's frame."""
    if model is None or math.isnan(distance):
        return None
    u, v = box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5
    x = (u - model.P[0, 2]) / model.P[0, 0]
    y = (v - model.P[1, 2]) / model.P[1, 1]
    return np.array([x * distance, y * distance, distance])


def find_in_other(pair: RegisteredPair, other: RegisteredPair, box: Box) -> Sighting:
    """
    Find a face of one side in the image of the other.

    :param pair: side in which the face was detected.
    :param other: the opposite side.
    :param box: x, y, width, height in pixels of the pair's grid.
    :return: where the face is on the other's grid; within a face's width to where it would be far
        away without calibration, or with one that does not tell where the sides stand.
    """
    guess = distance_by_width(pair.model, box)
    models = pair.model, other.model
    if None in models or in_one_place(*models):
        band = _common_band(pair, other, box)
        scale, (x, y) = 1.0, (0.0, 0.0)
        if None not in models:
            scale, (x, y) = _scale(*models), shift_to(*models, box, math.inf)
        width = box[2] * (-scale if other.side == 'right' else scale)
        near, far = ((x + share * width, y) for share in (0.8, -0.1))
        shift = _match(*band, box, scale, near, far) if band else None
        return Sighting(shift and _inside(_moved(box, shift, scale), other), guess)
    if band := _common_band(pair, other, box):
        own, their = (
            (each.ir_model or each.model) if view is each.ir_view else each.model
            for each, view in zip((pair, other), band, strict=True)
        )
        start = transfer(pair.model, own, box, guess)
        near, far = (shift_to(own, their, start, guess * factor) for factor in (_NEARER, _FARTHER))
        scale = _scale(own, their)
        if shift := _match(*band, start, scale, near, far):
            # Shifts go with 1 / distance, sideways or, where one lens is above the other, down.
            infinity = np.array(shift_to(own, their, start, math.inf))
            baseline = np.array(shift_to(own, their, start, 1.0)) - infinity
            along = float(baseline @ (np.array(shift) - infinity))
            distance = float(baseline @ baseline) / along if along > 0 else guess
            there = transfer(their, other.model, _moved(start, shift, scale), distance)
            return Sighting(_inside(there, other), distance)
    # The far side of a head, a covered lens, bands that differ: trust the calibration.
    return Sighting(_inside(transfer(pair.model, other.model, box, guess), other), guess)


def transfer(model: CameraModel, other: CameraModel, box: Box, z: float) -> Box:
    """Return where the box around a face at distance z is in another image."""
    return _moved(box, shift_to(model, other, box, z), _scale(model, other))


def in_infrared(pair: RegisteredPair, box: Box, distance: float | None = None) -> Box:
    """
    Return where a face is in a pair's infrared image, which meets the grid at one distance.

    :param box: of the face on the grid.
    :param distance: of the face, in metres; by its width when None or NaN.
    :return: the same box without calibration.
    """
    if pair.model is None or pair.ir_model is None:
        return box
    if distance is None or math.isnan(distance):
        distance = distance_by_width(pair.model, box)
    return transfer(pair.model, pair.ir_model, box, distance)


def shift_to(model: CameraModel, other: CameraModel, box: Box, z: float) -> tuple[float, float]:
    """Return by how many pixels a box at distance z moves from one image to the other."""
    u, v = box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5
    x = (u - model.P[0, 2] - model.P[0, 3] / z) / model.P[0, 0]
    y = (v - model.P[1, 2] - model.P[1, 3] / z) / model.P[1, 1]
    return (
        float(other.P[0, 0] * x + other.P[0, 2] + other.P[0, 3] / z - u),
        float(other.P[1, 1] * y + other.P[1, 2] + other.P[1, 3] / z - v),
    )


def _scale(model: CameraModel, other: CameraModel) -> float:
    """Return by how much larger the same thing is in another image."""
    return float(other.P[0, 0] / model.P[0, 0])


def _moved(box: Box, shift: tuple[float, float], scale: float = 1.0) -> Box:
    """Return the box with its centre moved, and its sides scaled."""
    x, y, width, height = box
    grown = width * scale, height * scale
    return (
        x + width / 2 + shift[0] - grown[0] / 2,
        y + height / 2 + shift[1] - grown[1] / 2,
        *grown,
    )


def _inside(box: Box, other: RegisteredPair) -> Box | None:
    """Return the box, or None when its centre lies outside the image."""
    return box if is_inside(box, *other.size) else None


def _match(
    own: ImageView,
    theirs: ImageView,
    box: Box,
    scale: float,
    near: tuple[float, float],
    far: tuple[float, float],
) -> tuple[float, float] | None:
    """
    Return the shift between near and far at which the face looks the same, or None.

    :param box: of the face in its own image.
    :param scale: by which the face is larger in the other image.
    """
    x0, y0, x1, y1 = _rounded(box)
    patch = own[y0:y1, x0:x1]
    rows, columns = patch.shape[:2]
    if min(rows, columns) * scale < 8:
        return None
    if scale != 1:
        patch = cv2.resize(patch, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    height, width = patch.shape[:2]
    # Of the patch's corner, where the box would not be shifted. What the image's border cuts off
    # leaves the patch's centre beside the box's, which the scale moves too.
    x = x0 + (columns - width) / 2 + (scale - 1) * (x0 + columns / 2 - box[0] - box[2] / 2)
    y = y0 + (rows - height) / 2 + (scale - 1) * (y0 + rows / 2 - box[1] - box[3] / 2)
    # Rows may be off by a few pixels: calibrations age, and stamps differ while heads move.
    slack = max(0.12 * height, 2.0)
    leftmost = math.floor(x + min(near[0], far[0]) - 2)
    left = max(leftmost, 0)
    top = max(math.floor(y + min(near[1], far[1]) - slack), 0)
    right = max(math.ceil(x + max(near[0], far[0]) + 2) + width, 0)
    bottom = max(math.ceil(y + max(near[1], far[1]) + slack) + height, 0)
    strip = theirs[top:bottom, left:right]
    if strip.shape[0] < height or strip.shape[1] < width:
        return None
    shrink = min(_PATCH / width, 1.0)
    patch, strip = (
        cv2.resize(to_grey(part), None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        for part in (patch, strip)
    )
    if _level_and_contrast(patch)[1] < _FLAT:
        return None
    likeness = cv2.matchTemplate(strip, patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(likeness)
    if not best >= _MIN_MATCH:
        return None
    # At the border of the image the face itself may lie beyond it.
    last = likeness.shape[1] - 1
    if (column == 0 and left > leftmost) or (column == last and right > theirs.shape[1]):
        return None
    right_by = (column + _peak(likeness[row], column)) / shrink
    down_by = (row + _peak(likeness[:, column], row)) / shrink
    return left + right_by - x, top + down_by - y


def _rounded(box: Box) -> tuple[int, int, int, int]:
    x, y, width, height = box
    return max(round(x), 0), max(round(y), 0), max(round(x + width), 0), max(round(y + height), 0)


def _common_band(
    pair: RegisteredPair, other: RegisteredPair, box: Box
) -> tuple[ImageView, ImageView] | None:
    """Return both visible or both infrared images, whichever show the face in a box better."""
    visible = pair.vis_view is not None and other.vis_view is not None
    infrared = pair.ir_view is not None and other.ir_view is not None
    if visible and infrared:
        x0, y0, x1, y1 = _rounded(box)
        patch = pair.vis_view[y0:y1, x0:x1]
        level, contrast = _level_and_contrast(patch) if patch.size else (0.0, 0.0)
        visible = level > _DARK and contrast >= _FLAT
    if visible:
        return pair.vis_view, other.vis_view
    return (pair.ir_view, other.ir_view) if infrared else None


def _level_and_contrast(image: np.ndarray) -> tuple[float, float]:
    """Return the mean of all pixels and channels, and the standard deviation of the liveliest."""
    # NumPy takes ten times as long.
    means, deviations = cv2.meanStdDev(image)
    return float(means.mean()), float(deviations.max())


def _peak(values: np.ndarray, index: int) -> float:
    """Return the offset in -0.5..0.5 of the maximum of a parabola through a peak."""
    if not 0 < index < len(values) - 1:
        return 0.0
    before, at, after = (float(value) for value in values[index - 1 : index + 2])
    curve = before - 2 * at + after
    return 0.5 * (before - after) / curve if curve < 0 else 0.0
