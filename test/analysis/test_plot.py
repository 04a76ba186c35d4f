"""The plot of readings."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.analysis import Reading
from fer_fusion_ros.analysis.plot import INKS, write_plot
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.labels import LABELS

pytest.importorskip('matplotlib', reason='plots need Matplotlib')


def still(number: int, label: str | None) -> Reading:
    """Return an image in which a face shows one expression alone, or without a face."""
    faces = []
    if label is not None:
        probabilities = np.array([each == label for each in LABELS], np.float32)
        faces.append(
            FaceExpression('face-1', 'left', (0, 0, 9, 9), (64, 48), None, np.nan, probabilities)
        )
    return Reading(f'{number}.png', float(number), number, faces, ('vis_left',))


def share(path: Path, label: str) -> float:
    """Return which part of the picture has exactly the ink of an expression."""
    ink = [int(INKS[label][at : at + 2], 16) for at in (5, 3, 1)]
    return float((cv2.imread(str(path)) == ink).all(axis=2).mean())


def test_each_still_has_its_column(tmp_path: Path) -> None:
    path = tmp_path / 'plot.png'
    write_plot([still(0, 'happy')], path, stills=True)
    whole = share(path, 'happy')
    assert whole > 0.3
    write_plot(
        [still(n, label) for n, label in enumerate(['happy', None, 'sad', 'sad'])], path, True
    )
    assert share(path, 'happy') == pytest.approx(whole / 4, rel=0.1)
    assert share(path, 'sad') == pytest.approx(whole / 2, rel=0.1)


def test_thousands_of_stills_take_seconds(tmp_path: Path) -> None:
    readings = [still(n, LABELS[n % 7]) for n in range(3000)]
    start = time.monotonic()
    write_plot(readings, tmp_path / 'plot.png', stills=True)
    assert time.monotonic() - start < 8  # a bar each took 45
