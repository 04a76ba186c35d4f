import cv2
import numpy as np
import pytest

from fer_fusion_ros.exceptions import EngineError
from fer_fusion_ros.fusion.fuser import Fuser
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.grey import to_grey
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.registration import Registrar


@pytest.fixture(scope='module')
def fuser():
    return Fuser(threads=1)


@pytest.fixture(scope='module')
def pair():
    rig = SimulatedRig(light=0.02, sway=0.0)
    registrar = Registrar({lens: rig.camera_model(lens) for lens in LENSES})
    registered = registrar.register('left', rig.render('ir_left', 0), rig.render('vis_left', 0))
    # An odd size: the network folds pixels by two.
    return registered.ir[100:301, 200:381], registered.vis[100:301, 200:381]


def test_carries_both_bands(fuser, pair):
    ir, vis = pair
    fused = fuser.fuse(ir, to_grey(vis))
    assert fused.shape == ir.shape and fused.dtype == np.uint8
    for source in (ir, to_grey(vis)):
        assert np.corrcoef(fused.ravel(), source.ravel())[0, 1] > 0.5
    # The near dark visible image is brightened by what the infrared one sees.
    assert fused.mean() > 1.2 * vis.mean()


def test_a_batch_is_fused_as_its_images_are(fuser, pair):
    ir, vis = pair[0], to_grey(pair[1])
    stacked = fuser.fuse(np.stack([ir, ir[::-1], ir[:, ::-1]]), np.stack([vis] * 3))
    assert np.abs(stacked[1].astype(int) - fuser.fuse(ir[::-1], vis)).max() <= 1


def test_no_images_are_fused_to_none(fuser):
    none = np.empty((0, 48, 40), np.uint8)
    fused = fuser.fuse(none, none)
    assert fused.shape == none.shape and fused.dtype == np.uint8


def test_images_that_do_not_fit_are_refused_and_the_next_ones_fused(fuser):
    ir, vis = np.full((60, 90), 90, np.uint8), np.full((60, 90), 120, np.uint8)
    colour = cv2.merge([vis] * 3)
    for wrong in (
        (ir, vis.T),
        (ir[:30], vis),
        (ir, colour),
        (ir / 255, vis),
        (ir[None, None],) * 2,
    ):
        with pytest.raises(ValueError, match='give both as'):
            fuser.fuse(*wrong)
    with pytest.raises(ValueError, match='infrared is of shape'):
        fuser.fuse_pair(colour, colour)
    for wrong in (vis[..., None], vis / 255, cv2.merge([vis] * 4), colour[None]):
        with pytest.raises(ValueError, match=r'or .H, W. uint8'):
            fuser.fuse_colour(ir, wrong)
    assert fuser.fuse(ir, vis).shape == ir.shape


def test_keeps_the_colour(fuser, pair):
    ir, vis = pair
    fused = fuser.fuse_colour(ir, vis)
    assert fused.shape == vis.shape and fused.dtype == np.uint8
    luma = cv2.cvtColor(fused, cv2.COLOR_BGR2GRAY).astype(int)
    assert np.abs(luma - fuser.fuse(ir, to_grey(vis))).mean() < 2
    chroma = [cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., 1:] for image in (fused, vis)]
    assert np.abs(chroma[0].astype(int) - chroma[1]).mean() < 2
    grey = fuser.fuse_colour(ir, to_grey(vis))
    assert grey.shape == vis.shape and (grey[..., 0] == grey[..., 2]).all()


def test_falls_back_to_the_lens_that_is_left(fuser, pair):
    ir, vis = pair
    both, modality = fuser.fuse_pair(ir, vis)
    assert modality is Modality.FUSED and np.array_equal(both, fuser.fuse_colour(ir, vis))
    image, modality = fuser.fuse_pair(ir, None)
    assert modality is Modality.INFRARED and np.array_equal(image, cv2.merge([ir] * 3))
    image, modality = fuser.fuse_pair(None, vis)
    assert modality is Modality.VISIBLE and np.array_equal(image, vis)
    with pytest.raises(ValueError, match='neither'):
        fuser.fuse_pair(None, None)


def test_names_its_weights(fuser):
    name, digest = fuser.model.rsplit('-', 1)
    assert name == 'fusion' and len(digest) == 12


@pytest.mark.parametrize('engine', ['openvino', 'onnxruntime', 'torch'])
def test_refuses_weights_of_something_else(engine):
    pytest.importorskip(engine)
    with pytest.raises(EngineError, match=r'expression_stride2\.\w+ is no fusion network'):
        Fuser(engine, 'expression_stride2')


def test_tells_why_an_engine_cannot_fuse(monkeypatch):
    def fail(*_):
        raise RuntimeError('no kernel image is available')

    monkeypatch.setattr('fer_fusion_ros.engine.Engine.run_batch', fail)
    with pytest.raises(EngineError, match=r'\(no kernel image is available\).*another engine'):
        Fuser()
