"""Augmentation keeps to its limits and depends on nothing but its generator."""

import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.expression.data.augmentation import Augmentation  # noqa: E402

STILL = Augmentation(shift=0, rotation=0, zoom=0, still=1, gain=0, bias=0, erase=0)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.rand(64, 1, 48, 48, generator=seeded(1))


def test_without_any_change_it_cuts_out_the_centre_or_its_mirror_image(images):
    crops = STILL(images, 44, seeded())
    centre = images[:, :, 2:46, 2:46]
    same = (crops - centre).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (crops - centre.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert (same ^ mirrored).all()
    assert 16 < same.sum() < 48


def test_still_crops_are_shifted_by_whole_pixels(images):
    crops = Augmentation(2, 10, 0.1, 1, 0, 0, 0)(images, 44, seeded())
    windows = images.unfold(2, 44, 1).unfold(3, 44, 1).reshape(64, 25, 44, 44)
    both = torch.cat([windows, windows.flip(3)], 1)
    nearest = (both - crops).abs().amax((2, 3)).min(1)
    assert nearest.values.max() < 1e-4
    assert len(set(nearest.indices.tolist())) > 20


def test_rotation_and_zoom_move_a_point_as_far_as_they_should():
    image = torch.zeros(256, 1, 49, 49)
    image[:, :, 24, 40] = 1.0
    crops = Augmentation(0, 20, 0, 0, 0, 0, 0)(image, 49, seeded())
    y, x = torch.meshgrid(torch.arange(49.0), torch.arange(49.0), indexing='ij')
    weight = crops[:, 0] / crops[:, 0].sum((1, 2), keepdim=True)
    dx, dy = (weight * x).sum((1, 2)) - 24, (weight * y).sum((1, 2)) - 24
    angle = torch.rad2deg(torch.atan2(dy, dx.abs()))
    assert angle.abs().max() <= 20.5 and angle.abs().max() > 15
    assert torch.hypot(dx, dy).sub(16).abs().max() < 0.3
    crops = Augmentation(0, 0, 0.25, 0, 0, 0, 0)(image, 49, seeded())
    place = (crops[:, 0] * (x - 24).abs()).sum((1, 2)) / crops[:, 0].sum((1, 2))
    assert 12 - 0.6 <= place.min() < 13 and 19 < place.max() <= 20.6


def test_tone_changes_within_its_limits():
    grey = torch.full((256, 1, 48, 48), 0.5)
    crops = Augmentation(0, 0, 0, 1, 0, 0.1, 0)(grey, 44, seeded())
    levels = crops.mean((1, 2, 3))
    assert levels.min() >= 0.4 - 1e-6 and levels.max() <= 0.6 + 1e-6
    assert levels.std() > 0.04
    edge = torch.full((256, 1, 48, 48), 0.7)
    levels = Augmentation(0, 0, 0, 1, 0.5, 0, 0)(edge, 44, seeded()).mean((1, 2, 3))
    assert levels.min() >= 0.6 - 1e-6 and levels.max() <= 0.8 + 1e-6


def test_a_share_of_the_crops_is_painted_over_by_one_rectangle(images):
    clean = STILL(images, 44, seeded())
    erased = Augmentation(0, 0, 0, 1, 0, 0, 0.5)(images, 44, seeded())
    changed = (erased != clean)[:, 0]
    touched = changed.any(2).any(1)
    assert 16 < touched.sum() < 48
    for crop, mask in zip(erased[touched, 0], changed[touched], strict=True):
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        area = crop[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert area.max() == area.min()
        assert 0.12 * 44 < len(rows) < 0.43 * 44


def test_the_same_generator_gives_the_same_crops(images):
    augment = Augmentation()
    assert torch.equal(augment(images, 44, seeded(5)), augment(images, 44, seeded(5)))
    assert not torch.equal(augment(images, 44, seeded(5)), augment(images, 44, seeded(6)))
