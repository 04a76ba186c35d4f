"""Draw expressions on an image."""

from collections.abc import Sequence

import cv2
import numpy as np

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.labels import LABELS, UNCERTAIN, label_of

COLOURS: tuple[tuple[int, int, int], ...] = (
    (200, 200, 200),
    (60, 200, 255),
    (255, 140, 60),
    (60, 60, 255),
    (220, 90, 200),
    (90, 230, 120),
    (80, 160, 90),
)
"""BGR colour of each expression, in the order of `LABELS`."""

_UNCERTAIN_COLOUR = (140, 140, 140)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_overlay(image: np.ndarray, faces: Sequence[FaceExpression]) -> np.ndarray:
    """
    Draw boxes, labels and probability bars.

    :param image: (H, W) grey or (H, W, 3) BGR uint8; not changed.
    :param faces: those whose ``side`` is the image's.
    :return: (H, W, 3) BGR uint8.
    """
    canvas = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    for face in faces:
        _draw_face(canvas, face)
    return canvas


def colour_of(category: int) -> tuple[int, int, int]:
    """Return the BGR colour of a category, `UNCERTAIN` too."""
    return _UNCERTAIN_COLOUR if category == UNCERTAIN else COLOURS[category]


def caption_of(category: int, confidence: float) -> str:
    """Return the label and, unless it is `UNCERTAIN`, how probable it is."""
    label = label_of(category)
    return label if category == UNCERTAIN else f'{label} {confidence:.0%}'


def _draw_face(canvas: np.ndarray, face: FaceExpression) -> None:
    x, y, width, height = (round(value) for value in face.box)
    colour = colour_of(face.category)
    cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, 2, cv2.LINE_AA)
    line = max(y - 8, 28)
    _write(canvas, caption_of(face.category, face.confidence), (x, line), 0.5, colour)
    details = f'{face.face_id} {face.modality.name.lower()}'
    if not np.isnan(face.distance):
        details += f' {face.distance:.1f} m'
    _write(canvas, details, (x, line - 16), 0.36, colour)
    _draw_bars(canvas, face.probabilities, x + width + 6, y)


def _draw_bars(canvas: np.ndarray, probabilities: np.ndarray, x: int, y: int) -> None:
    """Draw one bar for each expression, to the right of a face if there is room."""
    row, length = 11, 40
    x = min(x, canvas.shape[1] - length - 48)
    y = min(max(y, 0), canvas.shape[0] - row * len(LABELS))
    for index, (label, share) in enumerate(zip(LABELS, probabilities, strict=True)):
        top = y + index * row
        end = x + round(length * float(share))
        cv2.rectangle(canvas, (x, top + 2), (end, top + row - 2), COLOURS[index], cv2.FILLED)
        _write(canvas, label, (x + length + 4, top + row - 2), 0.32, COLOURS[index])


def _write(
    canvas: np.ndarray, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]
) -> None:
    # A dark rim keeps it readable on any background.
    cv2.putText(canvas, text, at, _FONT, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(canvas, text, at, _FONT, scale, colour, 1, cv2.LINE_AA)
