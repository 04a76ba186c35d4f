"""Frames put together by their stamps, and why they are not."""

from __future__ import annotations

import numpy as np
import pytest

from fer_fusion_ros.analysis.synchronise import synchronise
from fer_fusion_ros.exceptions import RecordingError
from fer_fusion_ros.synchronisation.frame_set import Frame

PAIR = ['ir_left', 'vis_left']


def frames(count: int = 30, late: float = 0.0) -> list[Frame]:
    """Return pairs at 15 per second whose visible frames are late by so many seconds."""
    image = np.zeros((4, 6), np.uint8)
    found = [
        Frame(lens, round((number / 15 + delay) * 1e9), image)
        for number in range(count)
        for lens, delay in (('ir_left', 0.0), ('vis_left', late))
    ]
    return sorted(found, key=lambda frame: frame.stamp_ns)


def test_the_tolerance_decides_what_belongs_together() -> None:
    assert len(list(synchronise(frames(late=0.01), PAIR, 0.02))) == 30
    assert len(list(synchronise(frames(late=0.03), PAIR, 0.031))) == 30
    with pytest.raises(RecordingError, match=r'at least 30.0 ms apart, and the tolerance is 20 '):
        list(synchronise(frames(late=0.03), PAIR, 0.02))


def test_a_lens_without_images_is_named() -> None:
    with pytest.raises(RecordingError, match='no images of ir_right; name the other lenses'):
        list(synchronise(frames(3), [*PAIR, 'ir_right'], 0.02))
