import cv2
import numpy as np
import pytest

from fer_fusion_ros.faces.crop import crop


@pytest.fixture
def ramp():
    """Each pixel's tone is its place: x / 2 + y / 4."""
    x, y = np.meshgrid(np.arange(200), np.arange(160))
    return (x / 2 + y / 4).astype(np.uint8)


def test_a_square_of_the_same_size_is_copied(ramp):
    assert np.array_equal(crop(ramp, (30, 40, 48, 48), 48), ramp[40:88, 30:78])


@pytest.mark.parametrize('shrink', [1, 2, 3])
def test_nothing_is_missed_at_the_borders(shrink):
    noise = np.random.default_rng(0).integers(0, 256, (160, 200), np.uint8)
    side = 32 * shrink
    expected = cv2.resize(noise[40:, 30:][:side, :side], (32, 32), interpolation=cv2.INTER_AREA)
    assert np.array_equal(crop(noise, (30, 40, side, side), 32), expected)


def test_only_the_centre_and_width_of_the_box_count(ramp):
    assert np.array_equal(crop(ramp, (30, 34, 48, 60), 48), ramp[40:88, 30:78])


@pytest.mark.parametrize('side', [20.0, 61.5, 96.0, 150.0])
def test_scaling_keeps_every_thing_in_its_place(ramp, side):
    small = crop(ramp, (10.25, 5.5, side, side), 32).astype(float)
    centres = (np.arange(32) + 0.5) * side / 32 - 0.5
    expected = (10.25 + centres)[None] / 2 + (5.5 + centres)[:, None] / 4
    inner = slice(2, -2)
    assert np.abs(small - expected)[inner, inner].max() < 1.5


def test_shrinking_averages(ramp):
    noise = np.random.default_rng(0).integers(0, 256, (160, 200), np.uint8)
    assert crop(noise, (0, 0, 160, 160), 20).std() < 15


def test_colour_becomes_luminance():
    colour = np.full((60, 60, 3), (255, 0, 0), np.uint8)
    assert (crop(colour, (5, 5, 50, 50), 16) == cv2.cvtColor(colour, 6)[0, 0]).all()


def test_what_lies_beyond_the_image_repeats_its_border(ramp):
    outside = crop(ramp, (-24, 0, 48, 48), 48)
    assert np.array_equal(outside[:, 0], ramp[:48, 0])
    assert np.array_equal(outside[:, 24:], ramp[:48, :24])
    assert crop(ramp, (500, 500, 40, 40), 16).shape == (16, 16)
