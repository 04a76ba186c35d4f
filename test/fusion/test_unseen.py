import numpy as np
import pytest

from fer_fusion_ros.fusion.unseen import fill_unseen

RNG = np.random.default_rng(0)
SCENE = RNG.integers(40, 80, (56, 56), np.uint8)


@pytest.mark.parametrize('brighter', [1, 2, 3])
def test_what_the_infrared_lens_does_not_see_is_as_bright_as_what_it_sees(brighter):
    whole = SCENE * np.uint8(brighter)
    ir = whole.copy()
    ir[:, :20] = 0
    filled = fill_unseen(ir, SCENE)
    assert filled.dtype == np.uint8
    assert np.abs(filled.astype(int) - whole).max() <= 0.02 * whole.max()
    assert np.array_equal(filled[:, 20:], whole[:, 20:])


def test_an_image_that_sees_everything_or_nothing_stays():
    speckled = SCENE.copy()
    speckled[::16, ::16] = 0
    for ir in (SCENE, speckled, np.zeros_like(SCENE)):
        assert fill_unseen(ir, SCENE) is ir


def test_a_dark_visible_image_adds_no_noise():
    ir = np.full((56, 56), 200, np.uint8)
    ir[20:] = 0
    noise = RNG.integers(0, 3, ir.shape, np.uint8)
    assert fill_unseen(ir, noise)[20:].max() <= 16
