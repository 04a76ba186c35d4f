"""Each face appears in one modality, in the shares asked for."""

import numpy as np
import pytest

from fer_fusion_ros.expression.data.modalities import Modalities, generator_fusion


@pytest.fixture
def images():
    return np.random.default_rng(0).random((200, 24, 24), np.float32)


def test_the_rest_stays_as_it_is(images):
    out = Modalities()(images, np.random.default_rng(1))
    np.testing.assert_array_equal(out, images)
    assert out is not images


@pytest.mark.parametrize('name', ['dim', 'infrared', 'fused', 'soft'])
def test_a_share_of_the_faces_is_changed(images, name):
    out = Modalities(**{name: 0.3})(images, np.random.default_rng(1))
    changed = (out != images).any((1, 2))
    assert 0.2 < changed.mean() < 0.4
    assert out.dtype == np.float32 and out.min() >= 0 and out.max() <= 1


def test_dim_faces_are_darker_and_infrared_faces_smoother(images):
    def roughness(faces):
        return np.abs(np.diff(faces, axis=2)).mean()

    dark = Modalities(dim=1.0, darkest=0.02)(images, np.random.default_rng(1))
    assert dark.mean() < 0.9 * images.mean()
    infrared = Modalities(infrared=1.0)(images, np.random.default_rng(1))
    assert roughness(infrared) < 0.5 * roughness(images)


def test_a_given_fusion_gets_both_pictures_of_the_same_faces(images):
    seen = []

    def fuse(ir, vis):
        seen.append((ir, vis))
        return np.zeros_like(ir)

    out = Modalities(fused=0.4, darkest=0.9)(images, np.random.default_rng(1), fuse)
    (ir, vis), gone = seen[0], ~out.any((1, 2))
    assert len(ir) == len(vis) == gone.sum()
    np.testing.assert_array_equal(out[~gone], images[~gone])
    for seen_infrared, seen_visible, face in zip(ir, vis, images[gone], strict=True):
        assert np.abs(seen_visible - face).mean() < 0.1
        assert np.corrcoef(seen_infrared.ravel(), face.ravel())[0, 1] > 0.1


def test_the_bundled_generator_fuses_faces(images):
    pytest.importorskip('onnxruntime')
    smooth = images.repeat(2, 1).repeat(2, 2)[:4] * 0.5 + 0.25
    fused = generator_fusion(None)(smooth, smooth)
    assert fused.shape == smooth.shape and fused.dtype == np.float32
    for mixture, face in zip(fused, smooth, strict=True):
        assert np.corrcoef(mixture.ravel(), face.ravel())[0, 1] > 0.8
