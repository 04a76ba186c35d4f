"""Frames put together by their stamps, and why they are not."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fer_fusion_ros.analysis.synchronise import Moments
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
    assert len(list(Moments(PAIR, 0.02).of(frames(late=0.01)))) == 30
    assert len(list(Moments(PAIR, 0.031).of(frames(late=0.03)))) == 30
    with pytest.raises(RecordingError, match=r'at least 30.0 ms apart, and the tolerance is 20 '):
        list(Moments(PAIR, 0.02).of(frames(late=0.03)))


def test_a_lens_without_images_is_named() -> None:
    with pytest.raises(RecordingError, match='no images of ir_right; name the other lenses'):
        list(Moments([*PAIR, 'ir_right'], 0.02).of(frames(2)))


def test_what_is_left_out_is_told_with_the_reason() -> None:
    fine = Moments(PAIR, 0.02)
    assert len(list(fine.of(frames()))) == 30
    assert fine.remarks() == []

    image = np.zeros((4, 6), np.uint8)
    still = Moments(PAIR, 0.02)
    assert len(list(still.of(Frame(lens, 0, image) for _ in range(9) for lens in PAIR))) == 1
    assert [remark[:38] for remark in still.remarks()] == [
        '8 of 9 images of ir_left are left out:',
        '8 of 9 images of vis_left are left out',
    ]
    assert all('their stamps are all the same' in remark for remark in still.remarks())

    ahead = Moments([*PAIR, 'vis_right'], 0.02)
    wrong = [Frame('vis_right', f.stamp_ns + 5 * 10**9, image) for f in frames()[::2]]
    mixed = [f for pair in zip(frames()[::2], frames()[1::2], wrong, strict=True) for f in pair]
    assert len(list(ahead.of(mixed))) > 25
    (remark,) = [r for r in ahead.remarks() if 'vis_right' in r]
    assert "5.00 s ahead of the other lenses'" in remark

    again = Moments(PAIR, 0.02)
    assert len(list(again.of(frames() + frames()))) == 60
    assert 'jumped back 1 times' in again.remarks()[0]


def test_the_reason_is_the_same_however_long_the_moments_took() -> None:
    slow = Moments(PAIR, 0.02)
    kept = [f for number, f in enumerate(frames(40)) if number % 4 != 1]  # of vis_left 20 of 40
    assert len(list(slow.of(kept))) == 20
    time.sleep(0.5)
    (remark,) = slow.remarks()
    assert remark == (
        '20 of 40 images of ir_left are left out: no image of every other lens lies within the '
        'tolerance (--tolerance, --lenses)'
    )


def test_a_lost_image_costs_no_moment() -> None:
    lossy = Moments(PAIR, 0.02)
    kept = [f for number, f in enumerate(frames(41)) if number % 16 != 9]
    sets = list(lossy.of(kept))
    assert [len(s.frames) for s in sets] == [1 if n % 8 == 4 else 2 for n in range(41)]
    assert lossy.remarks() == []


def test_a_lens_that_ends_before_the_others_costs_no_moment() -> None:
    kept = [f for f in frames() if f.lens == 'vis_left' or f.stamp_ns < 1_700_000_000]
    sets = list(Moments(PAIR, 0.02).of(kept))
    assert [len(s.frames) for s in sets] == [2] * 26 + [1] * 4
    kept = [f for f in frames() if f.lens == 'vis_left' or f.stamp_ns < 1_000_000_000]
    assert [len(s.frames) for s in Moments(PAIR, 0.02).of(kept)] == [2] * 15 + [1] * 15
