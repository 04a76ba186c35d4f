"""Batches are a function of seed, epoch, step and process, and cover the faces once."""

import signal
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from fer_fusion_ros.expression.data.augmentation import Augmentation  # noqa: E402
from fer_fusion_ros.expression.data.batches import Batches, Loader  # noqa: E402
from fer_fusion_ros.expression.data.faces import Faces  # noqa: E402
from fer_fusion_ros.expression.data.mixing import Mixing  # noqa: E402
from fer_fusion_ros.expression.data.modalities import Modalities, generator_fusion  # noqa: E402

STILL = Augmentation(0, 0, 0, 1, 0, 0, 0)


@pytest.fixture
def batches():
    # Each face is one grey level, so that a crop tells which face it is.
    images = np.arange(20, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    faces = Faces('levels', 10 * images, np.arange(20) % 7)
    return Batches(faces, 6, 44, 0.5, 0.25, STILL, Modalities())


def levels(faces):
    return torch.round((faces[:, 0, 0, 0] * 0.25 + 0.5) * 25.5).int().tolist()


def test_an_epoch_shows_each_face_at_most_once(batches):
    assert len(batches) == 3
    shown = []
    for faces, labels, targets, crowd in batches.epoch(0):
        assert faces.shape == (6, 1, 44, 44)
        assert [level % 7 for level in levels(faces)] == labels.tolist()
        assert torch.equal(targets, torch.nn.functional.one_hot(labels, 7).float())
        assert crowd.shape == (6, 7) and not crowd.any()
        shown += levels(faces)
    assert len(set(shown)) == 18
    others = [level for faces, *_ in batches.epoch(1) for level in levels(faces)]
    assert shown != others


def test_processes_share_a_batch(batches):
    whole = [levels(faces) for faces, *_ in batches.epoch(3)]
    parts = [
        [levels(faces) for faces, *_ in replace(batches, rank=rank, processes=2).epoch(3)]
        for rank in (0, 1)
    ]
    for both, first, second in zip(whole, *parts, strict=True):
        assert sorted(first + second) == sorted(both)
        assert len(first) == len(second) == 3


def test_any_epoch_can_be_asked_for_again(batches):
    noisy = replace(
        batches, augmentation=Augmentation(), modalities=Modalities(dim=0.5, fused=0.5)
    )
    list(noisy.epoch(0))
    first, again = list(noisy.epoch(1)), list(noisy.epoch(1))
    other = list(replace(noisy, seed=1).epoch(1))
    for (a, *_), (b, *_), (c, *_) in zip(first, again, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@pytest.fixture
def child_signals():
    # The loader's handler would stay, and later tests end processes of their own.
    handler = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, handler)


def test_other_processes_make_the_same_batches(batches, child_signals):
    noisy = replace(
        batches,
        augmentation=Augmentation(),
        modalities=Modalities(fused=1.0),
        fuse=generator_fusion(None),
    )
    noisy.fuse(*np.zeros((2, 1, 48, 48), np.float32))  # So that the fork finds an engine in use.
    loader = Loader(noisy, 2)
    for epoch in (0, 1):
        made = list(loader.epoch(epoch))
        assert len(made) == 3
        for theirs, ours in zip(made, noisy.epoch(epoch), strict=True):
            for a, b in zip(theirs, ours, strict=True):
                assert torch.equal(a, b)


def test_the_votes_come_with_their_faces(batches):
    crowd = np.eye(7, dtype=np.float32)[batches.faces.labels]
    voted = replace(batches, faces=replace(batches.faces, crowd=crowd))
    _, labels, _, votes = next(voted.epoch(0))
    assert torch.equal(votes.argmax(1), labels)


def test_soft_labels_have_their_share(batches):
    soft = np.eye(7, dtype=np.float32)[(batches.faces.labels + 1) % 7]
    softened = replace(batches, faces=replace(batches.faces, soft=soft), soft_share=0.25)
    _, labels, targets, _ = next(softened.epoch(0))
    rows = torch.arange(len(labels))
    assert torch.equal(targets[rows, labels], torch.full((6,), 0.75))
    assert torch.equal(targets[rows, (labels + 1) % 7], torch.full((6,), 0.25))


def test_only_the_first_epochs_have_mixed_faces(batches):
    crowd = np.eye(7, dtype=np.float32)[(batches.faces.labels + 2) % 7]
    faces = replace(batches.faces, crowd=crowd)
    mixed = replace(batches, faces=faces, mixing=Mixing(mixup=1.0), mixed_epochs=2)
    for epoch, count in ((0, 18), (1, 18), (2, 0)):
        changed = 0
        for (crops, labels, targets, votes), (plain, *_) in zip(
            mixed.epoch(epoch), batches.epoch(epoch), strict=True
        ):
            changed += int((crops != plain).flatten(1).any(1).sum())
            # What is to be told of a face follows it, whatever was mixed.
            assert torch.equal(votes, targets.roll(2, 1))
            assert torch.equal(targets.argmax(1), labels)
        assert changed == count
