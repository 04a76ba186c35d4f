import cv2
import numpy as np
import pytest

from fer_fusion_ros.fusion.evaluate import (
    evaluate,
    face_table,
    mean_table,
    report,
)
from fer_fusion_ros.fusion.metrics import METRICS
from fer_fusion_ros.fusion.pairs import Pair


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    return [
        Pair(name, source, *(rng.integers(0, 256, (2, 50, 60), np.uint8)))
        for name, source in (('one', 'near'), ('two', 'near'), ('three', 'far'))
    ]


def test_one_row_per_method_and_pair_and_the_best_in_bold(pairs):
    done = []
    methods = {'infrared': lambda ir, vis: ir, 'black': lambda ir, vis: np.zeros_like(ir)}
    rows = evaluate(methods, pairs, done.append)
    assert len(rows) == len(done) == 6
    assert set(rows[0]) == {'method', 'source', 'pair', *METRICS}
    table = mean_table(rows).splitlines()
    assert table[2].count('**') == 2 * len(METRICS)
    assert table[3].startswith('| black | 0.000 | 0.000 |')
    text = report(rows)
    assert 'All 3 pairs' in text
    assert 'far, 1 pairs' in text
    assert 'near, 2 pairs' in text


def test_faces_by_daylight_and_in_the_dark():
    rng = np.random.default_rng(0)
    faces = cv2.GaussianBlur(rng.integers(0, 256, (48, 144), np.uint8), (0, 0), 3)
    faces = cv2.normalize(faces, None, 0, 255, cv2.NORM_MINMAX).reshape(48, 3, 48).swapaxes(0, 1)
    rows = face_table(lambda ir, vis: vis, faces, lights=(1.0, 0.02)).splitlines()[2:]
    light, dark = ([float(cell) for cell in row.strip('|').split('|')] for row in rows)
    assert (light[0], dark[0]) == (1.0, 0.02)
    # The visible image suffers, the infrared one does not, and what fuses is the method given.
    assert dark[1] < light[1] - 0.2
    assert dark[2] == pytest.approx(light[2], abs=0.02)
    assert dark[4] == dark[1]
