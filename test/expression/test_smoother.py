import numpy as np
import pytest

from fer_fusion_ros.expression.smoother import Smoother

HAPPY = np.eye(7, dtype=np.float32)[1]
SAD = np.eye(7, dtype=np.float32)[2]


def test_starts_with_the_first_frame_and_the_mean():
    smoother = Smoother(10.0)
    assert np.array_equal(smoother.update('face-1', HAPPY, 0), HAPPY)
    second = smoother.update('face-1', SAD, 33_000_000)
    assert second[[1, 2]] == pytest.approx([0.5, 0.5])
    assert second.sum() == pytest.approx(1)


@pytest.mark.parametrize('fps', [10, 30])
def test_a_change_comes_through_at_the_pace_of_the_clock(fps):
    smoother = Smoother(0.5)
    stamps = [round(index / fps * 1e9) for index in range(20 * fps)]
    for stamp in stamps:
        smoother.update('face-1', HAPPY, stamp)
    for index in range(1, fps // 2 + 1):
        smooth = smoother.update('face-1', SAD, stamps[-1] + round(index / fps * 1e9))
    assert smooth[2] == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_no_smoothing():
    smoother = Smoother(0.0)
    smoother.update('face-1', HAPPY, 0)
    assert np.array_equal(smoother.update('face-1', SAD, 1), SAD)


def test_faces_do_not_mix_and_are_forgotten():
    smoother = Smoother(10.0)
    smoother.update('face-1', HAPPY, 0)
    assert np.array_equal(smoother.update('face-2', SAD, 0), SAD)
    smoother.keep({'face-2'})
    assert np.array_equal(smoother.update('face-1', SAD, 1), SAD)
    assert smoother.update('face-2', HAPPY, 1)[[1, 2]] == pytest.approx([0.5, 0.5])
    smoother.reset()
    assert np.array_equal(smoother.update('face-2', HAPPY, 2), HAPPY)
