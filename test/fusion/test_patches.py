import numpy as np
import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.exceptions import ConfigurationError  # noqa: E402
from fer_fusion_ros.fusion.pairs import Pair  # noqa: E402
from fer_fusion_ros.fusion.patches import Patches, Scenes  # noqa: E402


@pytest.fixture
def pairs():
    """Pairs whose visible image is the negative of the infrared one."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40, 50 + n), np.uint8) for n in range(3)]
    return [Pair(str(n), 'a', image, 255 - image) for n, image in enumerate(images)]


def faces():
    return np.random.default_rng(1).integers(0, 256, (5, 12, 12), np.uint8)


def test_augmentation_keeps_the_pair_aligned(pairs):
    batch = Patches(pairs, 24, Scenes()).batch(range(40))
    assert batch.ir.shape == (40, 1, 24, 24)
    assert batch.ir.dtype == torch.float32
    torch.testing.assert_close(batch.vis, -batch.ir)
    torch.testing.assert_close(batch.structure, batch.ir)
    torch.testing.assert_close(batch.texture, batch.vis)
    assert len({patch.numpy().tobytes() for patch in batch.ir}) == 40


def test_patches_depend_on_seed_and_number_alone(pairs):
    scenes = Scenes(dark=0.5, faces=0.5)
    patches = Patches(pairs, 24, scenes, faces())
    whole = patches.batch(range(12))
    patches.batch(range(7))
    for name in ('ir', 'vis', 'structure', 'texture'):
        again = getattr(patches.batch(range(6, 12)), name)
        assert torch.equal(getattr(whole, name)[6:], again)
    other = Patches(pairs, 24, scenes, faces(), seed=1).batch(range(12))
    assert not torch.equal(whole.ir, other.ir)


def test_by_weak_light_the_texture_is_that_of_the_infrared_image(pairs):
    batch = Patches(pairs, 24, Scenes(dark=1.0, darkest=0.02)).batch(range(60))
    torch.testing.assert_close(batch.structure, batch.ir)
    # The negative of the infrared image has the weight that is left to the visible one.
    share = (1 - (batch.texture / batch.ir).flatten(1).median(dim=1).values) / 2
    assert share.min() < 0.1
    assert share.max() > 0.9
    darkest, brightest = share.argmin(), share.argmax()
    assert batch.vis[darkest].mean() < batch.vis[brightest].mean() - 0.3
    torch.testing.assert_close(batch.texture[brightest], batch.vis[brightest], atol=0.3, rtol=0)


def test_light_that_is_never_weak_leaves_the_texture_visible(pairs):
    batch = Patches(pairs, 24, Scenes(dark=1.0, darkest=1.0)).batch(range(4))
    torch.testing.assert_close(batch.texture, -batch.ir)


@pytest.mark.parametrize('darkest', [0.0, -1.0, 1.1, float('nan')])
def test_the_weakest_light_is_above_none_and_at_most_daylight(darkest):
    with pytest.raises(ConfigurationError, match=r'darkest is .*; it must be above 0'):
        Scenes(darkest=darkest)


def test_faces_fill_the_patch_and_are_wanted_as_by_daylight():
    batch = Patches([], 24, Scenes(faces=1.0), faces()).batch(range(4))
    assert batch.vis.shape == (4, 1, 24, 24)
    assert not torch.equal(batch.ir, batch.vis)
    torch.testing.assert_close(batch.structure, batch.vis)
    dark = Patches([], 24, Scenes(faces=1.0, dark=1.0, darkest=0.02), faces()).batch(range(4))
    torch.testing.assert_close(dark.structure, dark.texture)
    assert (dark.vis.mean() < dark.texture.mean()).all()
