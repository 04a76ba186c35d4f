"""Readings as a table."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from fer_fusion_ros.analysis.analyze import Reading
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.labels import LABELS, label_of
from fer_fusion_ros.lenses.names import LENS_BITS

COLUMNS: tuple[str, ...] = (
    *('moment', 'stamp', 'time', 'face_id', 'side', 'x', 'y', 'width', 'height'),
    *('label', 'confidence', 'raw_label', 'raw_confidence'),
    *(f'p_{label}' for label in LABELS),
    *(f'raw_p_{label}' for label in LABELS),
    *('modality', 'lenses', 'illumination', 'distance'),
)
"""As the fields of `ExpressionStamped.msg`; stamp and time in seconds, distance in metres."""


def write_table(readings: Iterable[Reading], path: Path) -> None:
    """Write a CSV with one line for each face and moment, and one without face where none is."""
    # The names of images need not be UTF-8.
    with path.open('w', newline='', encoding='utf-8', errors='backslashreplace') as file:
        writer = csv.DictWriter(file, COLUMNS, restval='')
        writer.writeheader()
        for reading in readings:
            seconds, nanoseconds = divmod(reading.stamp_ns, 1_000_000_000)
            when = {
                'moment': reading.name,
                'stamp': f'{seconds}.{nanoseconds:09}',
                'time': f'{reading.time:.3f}',
            }
            writer.writerows([{**when, **_row(face)} for face in reading.faces] or [when])


def _row(face: FaceExpression) -> dict[str, str]:
    box = zip(('x', 'y', 'width', 'height'), face.box, strict=True)
    smoothed = zip(LABELS, face.probabilities, strict=True)
    raw = zip(LABELS, face.raw_probabilities, strict=True)
    return {
        'face_id': face.face_id,
        'side': face.side,
        **{name: f'{value:.1f}' for name, value in box},
        'label': label_of(face.category),
        'confidence': f'{face.confidence:.4f}',
        'raw_label': label_of(face.raw_category),
        'raw_confidence': f'{face.raw_confidence:.4f}',
        **{f'p_{label}': f'{value:.4f}' for label, value in smoothed},
        **{f'raw_p_{label}': f'{value:.4f}' for label, value in raw},
        'modality': face.modality.name.lower(),
        'lenses': '+'.join(lens for lens, bit in LENS_BITS.items() if face.lenses & bit),
        'illumination': _number(face.illumination),
        'distance': _number(face.distance),
    }


def _number(value: float) -> str:
    return '' if math.isnan(value) else f'{value:.4f}'
