"""Faces are mixed with the next of their batch, and so is what is to be told of them."""

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.exceptions import ConfigurationError  # noqa: E402
from fer_fusion_ros.expression.data.mixing import Mixing  # noqa: E402


@pytest.fixture
def crops():
    # Each face is one grey level, so that a pixel tells how much of it is whose.
    return torch.arange(400.0)[:, None, None, None].expand(400, 1, 44, 44)


@pytest.fixture
def told():
    return torch.eye(400)


def mix(mixing, crops, told):
    return mixing(crops, (told, 2 * told), np.random.default_rng(1))


def test_by_default_all_stay_as_they_are(crops, told):
    mixed, (targets, votes) = mix(Mixing(), crops, told)
    assert torch.equal(mixed, crops)
    assert torch.equal(targets, told) and torch.equal(votes, 2 * told)


@pytest.mark.parametrize('how', ['mixup', 'cutmix'])
def test_a_share_is_mixed_and_told_in_proportion(how, crops, told):
    mixed, (targets, votes) = mix(Mixing(**{how: 0.4}, alpha=4.0), crops, told)
    changed = (mixed != crops).flatten(1).any(1)
    assert 0.3 < changed.float().mean() < 0.5
    own = targets.diagonal()
    assert torch.equal(votes, 2 * targets)
    assert torch.equal(own < 1, changed) and own.min() >= 0.5
    torch.testing.assert_close(targets.sum(1), torch.ones(400))
    # The mean grey tells the shares of the two faces: the labels hold the same ones.
    torch.testing.assert_close(mixed.mean((1, 2, 3)), targets @ torch.arange(400.0))


def test_a_blend_is_even_and_a_cut_is_a_square_of_the_other(crops, told):
    blended, _ = mix(Mixing(mixup=1.0), crops, told)
    assert torch.equal(blended, blended[:, :, :1, :1].expand_as(blended))
    cut, _ = mix(Mixing(cutmix=1.0), crops, told)
    others = crops.roll(1, 0)
    assert ((cut == crops) | (cut == others)).all()
    for theirs in (cut == others)[:, 0]:
        rows, columns = theirs.any(1), theirs.any(0)
        assert rows.sum() == columns.sum() and theirs.sum() == rows.sum() * columns.sum()
    # They reach each side of the face.
    reached = (cut == others).any(0)[0]
    assert reached.any(0).all() and reached.any(1).all()


def test_the_seed_decides(crops, told):
    mixing = Mixing(mixup=0.5, cutmix=0.5)
    first, again = mix(mixing, crops, told)[0], mix(mixing, crops, told)[0]
    other, _ = mixing(crops, (told,), np.random.default_rng(2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_shares_are_at_most_one_together():
    with pytest.raises(ConfigurationError, match=r'mixup and cutmix are 1\.2 together'):
        Mixing(mixup=0.6, cutmix=0.6)
    assert Mixing(mixup=0.9, cutmix=0.1).cutmix == 0.1
