"""The learning rate rises, peaks once and falls to nothing."""

import pytest

from fer_fusion_ros.learning.schedule import warmup_cosine


def test_it_rises_in_a_line_and_falls_as_a_cosine():
    factors = [warmup_cosine(step, 110, 10) for step in range(110)]
    assert factors[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert factors[10] == 1.0
    assert factors[60] == pytest.approx(0.5)
    assert factors[35] == pytest.approx((1 + 2**-0.5) / 2)
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert 0 < factors[-1] < 0.001


def test_without_a_warm_up_it_starts_at_the_peak():
    assert warmup_cosine(0, 5, 0) == 1.0
