import cv2
import numpy as np
import pytest

from fer_fusion_ros.faces.camera_motion import CameraMotion

RNG = np.random.default_rng(0)
ROOM = cv2.resize(RNG.integers(60, 200, (24, 32, 3), np.uint8), (960, 720))
BOX = (300.0, 200.0, 40.0, 40.0)


def view(x, y, noise=2.0):
    """A camera that looks further left and up shows the room further right and down."""
    part = ROOM[120 - y : 600 - y, 160 - x : 800 - x]
    return np.clip(part + RNG.normal(0, noise, part.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize('shift', [(12, 0), (-45, 3), (0, 30), (100, -60)])
@pytest.mark.parametrize('convert', [np.asarray, lambda image: image[..., 0]])
def test_a_turn_of_the_camera_is_measured(shift, convert):
    motion = CameraMotion()
    for x, y in ((0, 0), shift):
        motion.update(convert(view(x, y)))
    assert motion.shift(BOX) == pytest.approx(shift, abs=5)
    # Also at the borders, as far as both pictures show the same.
    for box in ((-10.0, 200.0, 40.0, 40.0), (610.0, 450.0, 40.0, 40.0)):
        assert motion.shift(box) == pytest.approx(shift, abs=5) or motion.shift(box) == (0, 0)
    # The camera stands still again.
    motion.update(convert(view(*shift)))
    assert motion.shift(BOX) == (0.0, 0.0)


def test_who_walks_by_moves_no_other_face():
    motion = CameraMotion()
    walker = cv2.resize(RNG.integers(0, 256, (12, 10, 3), np.uint8), (200, 240))
    wall = np.full((480, 640, 3), 120, np.uint8)
    wall[200:240, 500:540] = ROOM[200:240, 500:540]  # somebody who stands still
    for x in (100, 140):
        image = wall.copy()
        image[240:, x : x + 200] = walker
        motion.update(image)
    assert motion.shift((100.0, 300.0, 100.0, 100.0)) == pytest.approx((40, 0), abs=4)
    assert motion.shift((500.0, 200.0, 40.0, 40.0)) == (0.0, 0.0)


def test_pictures_without_another_to_compare_tell_no_shift():
    motion = CameraMotion()
    motion.update(view(0, 0))
    assert motion.shift(BOX) == (0.0, 0.0)
    motion.update(view(40, 0)[:240])
    assert motion.shift(BOX) == (0.0, 0.0)
    motion.update(view(80, 0)[:240])
    motion.reset()
    motion.update(view(120, 0)[:240])
    assert motion.shift(BOX) == (0.0, 0.0)
    for _ in range(2):
        motion.update(np.zeros((20, 20), np.uint8))
        assert motion.shift(BOX) == (0.0, 0.0)


@pytest.mark.parametrize('level', [0, 255])
def test_a_picture_that_goes_dark_or_white_does_not_move(level):
    motion = CameraMotion()
    for image in (view(0, 0), np.full((480, 640, 3), level, np.uint8), view(0, 0)):
        motion.update(image)
        for x in range(100, 500, 50):
            assert motion.shift((float(x), 200.0, 40.0, 40.0)) == (0.0, 0.0)


def test_noise_is_no_motion():
    motion = CameraMotion()
    for _ in range(10):
        motion.update(RNG.integers(0, 20, (480, 640), np.uint8))
        assert motion.shift(BOX) == (0.0, 0.0)
