"""The simulated sensors darken, blur and add noise as real ones do."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.lenses.rig.photometry import near_infrared, visible


@pytest.fixture
def faces() -> np.ndarray:
    """Return (4, 48, 48) float32 pictures in 0-1: smooth, with some fine texture."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0.2, 0.9, (4, 6, 6)).astype(np.float32)
    smooth = np.stack([cv2.resize(c, (48, 48), interpolation=cv2.INTER_CUBIC) for c in coarse])
    return np.clip(smooth + rng.normal(0, 0.03, smooth.shape), 0, 1).astype(np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def signal_to_noise(seen: np.ndarray, scene: np.ndarray) -> float:
    """Return how strongly a picture follows the scene, as a ratio of standard deviations."""
    correlation = np.corrcoef(seen.ravel(), scene.ravel())[0, 1]
    return correlation / np.sqrt(1 - correlation**2)


def test_daylight_leaves_the_picture_as_it_is(faces):
    seen = visible(faces, 1.0, rng())
    assert seen.dtype == np.float32
    assert abs(seen.mean() - faces.mean()) < 0.002
    assert np.abs(seen - faces).std() < 0.02


def test_in_the_dark_the_picture_is_dim_and_noisy(faces):
    means, ratios = [], []
    for light in (1.0, 0.3, 0.1, 0.05, 0.02):
        seen = visible(faces, light, rng())
        means.append(float(seen.mean()))
        ratios.append(signal_to_noise(seen, faces))
    # Down to a sixth of daylight the gain makes up for the light; then the picture gets darker.
    assert means[0] == pytest.approx(means[1], abs=0.01)
    assert means[1] > means[2] > means[3] > means[4]
    assert means[4] < 0.4 * means[0]
    assert ratios == sorted(ratios, reverse=True)
    assert 1.0 < ratios[-1] < 0.2 * ratios[0]


@pytest.mark.filterwarnings('error')
def test_without_light_the_noise_remains(faces):
    dark, nearly = visible(faces, 0.0, rng()), visible(faces, 1e-4, rng())
    assert np.isfinite(dark).all()
    assert 0 < dark.mean() < nearly.mean() < visible(faces, 0.02, rng()).mean()
    assert abs(np.corrcoef(dark.ravel(), faces.ravel())[0, 1]) < 0.05


def test_shot_noise_follows_the_square_root_of_the_light():
    white = np.full((200, 200), 0.5, np.float32)
    # Away from black, the display curve halves relative noise: sd(sqrt(x)) = sd(x) / 2 sqrt(x).
    for light in (1.0, 0.1):
        electrons = 0.25 * 4000 * light
        expected = 0.5 * np.sqrt(electrons + 16) / electrons
        seen = visible(white, light, rng())
        assert seen.std() / seen.mean() == pytest.approx(expected, rel=0.05)


def test_pictures_come_in_8_bit_steps(faces):
    for seen in (visible(faces, 0.1, rng()), near_infrared(faces, 3.0, rng())):
        assert np.allclose(seen * 255, np.rint(seen * 255), atol=1e-3)
        assert seen.min() >= 0
        assert seen.max() <= 1


def test_each_picture_of_a_batch_has_its_own_light_and_distance(faces):
    light = np.array([1.0, 0.1, 0.05, 0.02], np.float32)[:, None, None]
    dark = visible(np.repeat(faces[:1], 4, 0), light, rng()).mean((1, 2))
    assert np.all(np.diff(dark) < 0)
    distance = np.array([1.0, 3.0, 6.0, 12.0], np.float32)[:, None, None]
    far = near_infrared(np.repeat(faces[:1], 4, 0), distance, rng()).mean((1, 2))
    assert far[0] == pytest.approx(far[1], abs=0.01)
    assert far[1] > far[2] > far[3]


def test_the_gain_of_infrared_makes_up_for_some_distance(faces):
    near, *far = (
        near_infrared(faces, distance, rng()).mean() for distance in (3.0, 4.2, 6.0, 12.0)
    )
    # By twice the light at most: at 6 m there is a fourth of it, at 12 m a sixteenth.
    assert far == pytest.approx([near, near * 0.5**0.5, near * 0.125**0.5], rel=0.03)


def test_colour_is_photographed_per_channel():
    picture = np.random.default_rng(0).uniform(0, 1, (2, 8, 9, 3)).astype(np.float32)
    assert visible(picture, 0.1, rng()).shape == picture.shape


def test_infrared_is_brighter_and_loses_fine_texture(faces):
    infrared = near_infrared(faces, 3.0, rng())
    assert infrared.mean() > faces.mean()

    def texture(pictures: np.ndarray) -> float:
        return float(np.mean([cv2.Laplacian(p, cv2.CV_32F).std() for p in pictures]))

    assert texture(infrared) < 0.6 * texture(faces)
    # What is left still is the same face.
    assert np.corrcoef(infrared.ravel(), faces.ravel())[0, 1] > 0.8


def test_infrared_scales_with_the_face():
    """A face twice as large, photographed from half as far, looks the same at half the size."""
    small = cv2.GaussianBlur(
        np.random.default_rng(3).uniform(0, 1, (48, 48)).astype(np.float32), (0, 0), 2
    )
    large = cv2.resize(small, (96, 96), interpolation=cv2.INTER_LINEAR)
    seen_small = near_infrared(small, 3.0, rng(), face_width=48)
    seen_large = near_infrared(large, 3.0, rng(), face_width=96)
    difference = cv2.resize(seen_large, (48, 48), interpolation=cv2.INTER_AREA) - seen_small
    assert np.abs(difference).mean() < 0.02


def test_the_same_seed_gives_the_same_picture(faces):
    assert np.array_equal(visible(faces, 0.02, rng()), visible(faces, 0.02, rng()))
    assert np.array_equal(near_infrared(faces, 3.0, rng()), near_infrared(faces, 3.0, rng()))
    assert not np.array_equal(
        visible(faces, 0.02, rng()), visible(faces, 0.02, np.random.default_rng(8))
    )
