import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES, SIDES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.registration import Registrar, residual


@pytest.fixture(scope='module')
def rig():
    return SimulatedRig(sway=0.0)


@pytest.fixture(scope='module')
def models(rig):
    return {lens: rig.camera_model(lens) for lens in LENSES}


def spot(centre, size=(640, 480), channels=1):
    """Draw a soft spot on black."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    image = 255 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 4.0**2))
    image = image.astype(np.uint8)
    return image if channels == 1 else cv2.merge([image] * channels)


def centroid(image):
    moments = cv2.moments(image if image.ndim == 2 else image[..., 1])
    return np.array([moments['m10'], moments['m01']]) / moments['m00']


def project(model, point):
    pixel = model.P @ [*point, 1.0]
    return pixel[:2] / pixel[2]


def raw(model, point):
    """Project a point of the array's frame into the raw image, straight from the calibration."""
    origin = model.P[:, 3] / [model.P[0, 0], model.P[1, 1], 1.0]
    seen = model.R.T @ (np.asarray(point) + origin)
    if model.distortion_model == 'equidistant':
        pixels = cv2.fisheye.projectPoints(
            seen.reshape(1, 1, 3), np.zeros((3, 1)), np.zeros((3, 1)), model.K, model.D
        )[0]
    else:
        pixels = cv2.projectPoints(seen, np.zeros(3), np.zeros(3), model.K, model.D)[0]
    return pixels.ravel()


@pytest.mark.parametrize('side', SIDES)
def test_a_point_on_the_plane_comes_out_where_the_calibration_says(models, side):
    registrar = Registrar(models, plane_distance=2.0)
    ir_model, vis_model = models[f'ir_{side}'], models[f'vis_{side}']
    for point in ((0.0, 0.0, 2.0), (0.4, -0.3, 2.0), (-0.5, 0.35, 2.0)):
        pair = registrar.register(
            side, spot(raw(ir_model, point)), spot(raw(vis_model, point), channels=3)
        )
        expected = project(vis_model, point)
        assert centroid(pair.ir) == pytest.approx(expected, abs=0.3)
        assert centroid(pair.vis) == pytest.approx(expected, abs=0.3)
    assert np.array_equal(pair.model.K, vis_model.P[:, :3]) and not pair.model.D.any()


def test_the_calibration_can_change(models, caplog):
    registrar = Registrar({}, plane_distance=2.0)
    ir = spot(raw(models['ir_left'], (0.4, -0.3, 2.0)))
    assert registrar.register('left', ir, None).model is None
    for _ in range(2):
        registrar.calibrate(dict(models))
        pair = registrar.register('left', ir, None)
        assert centroid(pair.ir) == pytest.approx(
            project(models['vis_left'], (0.4, -0.3, 2.0)), abs=0.3
        )
    moved = models['vis_left'].P.copy()
    moved[0, 2] += 20.0
    registrar.calibrate({**models, 'vis_left': replace(models['vis_left'], P=moved)})
    shift = centroid(registrar.register('left', ir, None).ir) - centroid(pair.ir)
    assert shift == pytest.approx([20.0, 0.0], abs=0.3)
    vis = spot(raw(models['vis_left'], (0.4, -0.3, 2.0)), channels=3)
    seen = centroid(registrar.register('left', None, vis).vis)
    registrar.calibrate(models)
    shift = seen - centroid(registrar.register('left', None, vis).vis)
    assert shift == pytest.approx([20.0, 0.0], abs=0.3)


@pytest.mark.parametrize('seen_before', [True, False])
def test_the_grid_stays_while_the_visible_image_is_missing(models, seen_before):
    twice = np.diag([2.0, 1.5, 1.0])
    sharp = replace(
        models['vis_left'],
        width=1280,
        height=720,
        K=twice @ models['vis_left'].K,
        P=twice @ models['vis_left'].P,
    )
    registrar = Registrar({**models, 'vis_left': sharp}, plane_distance=2.0)
    point = (0.2, 0.1, 2.0)
    ir = spot(raw(models['ir_left'], point))
    if seen_before:
        registrar.register('left', ir, np.zeros((720, 1280, 3), np.uint8))
    pair = registrar.register('left', ir, None)
    assert pair.size == (1280, 720)
    assert centroid(pair.ir) == pytest.approx(project(sharp, point), abs=0.3)


def test_an_image_of_another_size_is_cut_to_the_grid():
    matrix = np.array([[500.0, 0, 320], [0, 500, 200], [0, 0, 1]])
    camera = {'K': matrix, 'D': np.zeros(5), 'R': np.eye(3), 'P': np.c_[matrix, np.zeros(3)]}
    camera['distortion_model'] = 'plumb_bob'
    models = {
        'ir_left': CameraModel(name='ir_left', width=640, height=480, **camera),
        'vis_left': CameraModel(name='vis_left', width=640, height=400, **camera),
    }
    pair = Registrar(models).register(
        'left', np.zeros((480, 640), np.uint8), np.zeros((400, 640, 3), np.uint8)
    )
    assert pair.ir.shape == (400, 640)


def test_wide_lenses(models):
    shrink = np.array([[0.3, 0, 224], [0, 0.3, 168], [0, 0, 1]])
    wide = {
        lens: CameraModel(
            name=lens,
            width=640,
            height=480,
            K=np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]]),
            D=np.array([-0.02, 0.01, 0.0, 0.0]),
            distortion_model='equidistant',
            R=models[lens].R,
            P=shrink @ models[lens].P,
        )
        for lens in LENSES
    }
    registrar = Registrar(wide)
    point = (0.9, -0.7, 3.0)
    pair = registrar.register(
        'left', spot(raw(wide['ir_left'], point)), spot(raw(wide['vis_left'], point))
    )
    expected = project(wide['vis_left'], point)
    assert centroid(pair.ir) == pytest.approx(expected, abs=0.3)
    assert centroid(pair.vis) == pytest.approx(expected, abs=0.3)


def test_images_smaller_than_calibrated(models):
    registrar = Registrar(models)
    point = (0.2, 0.1, 3.0)
    half = (np.asarray(raw(models['ir_left'], point)) + 0.5) / 2 - 0.5
    vis = spot(raw(models['vis_left'], point), channels=3)
    pair = registrar.register('left', spot(half, (320, 240)), vis)
    assert pair.ir.shape == (480, 640)
    assert centroid(pair.ir) == pytest.approx(centroid(pair.vis), abs=0.5)


@pytest.mark.parametrize('side', SIDES)
def test_residual_is_below_a_pixel_on_the_plane_and_grows_off_it(rig, models, side):
    images = [rig.render(f'{band}_{side}', 0.0) for band in ('ir', 'vis')]
    on = Registrar(models, plane_distance=3.0).register(side, *images)
    assert on.residual_px < 1.0
    # 25 mm between the lenses, 1000 px: 25 * (1 / 1.5 - 1 / 3) px.
    off = Registrar(models, plane_distance=1.5).register(side, *images)
    assert off.residual_px == pytest.approx(25 / 3, abs=1.0)


def test_residual_cannot_be_told_from_nothing():
    rng = np.random.default_rng(0)
    ir, vis = rng.integers(0, 255, (2, 240, 320), np.uint8)
    assert residual(ir, vis) is None
    assert residual(np.zeros_like(ir), vis) is None


def test_residual_is_measured_now_and_then(rig, models):
    registrar = Registrar(models, residual_period=2)
    images = [rig.render(f'{band}_left', 0.0) for band in ('ir', 'vis')]
    first = registrar.register('left', *images).residual_px
    shifted = (np.roll(images[0], 7, axis=1), images[1])
    assert registrar.register('left', *shifted).residual_px == first
    assert registrar.register('left', *shifted).residual_px == pytest.approx(7, abs=1)
    assert registrar.register('left', None, images[1]).residual_px is None
    assert Registrar(models, residual_period=0).register('left', *images).residual_px is None


def test_a_measurement_that_fails_is_the_only_error(rig, models):
    registrar = Registrar(models, residual_period=3)
    ir, vis = (rig.render(f'{band}_left', 0.0) for band in ('ir', 'vis'))
    # No kind of image that there is.
    with pytest.raises(cv2.error):
        registrar.register('left', ir.astype(np.int8), vis)
    pairs = [registrar.register('left', ir, vis) for _ in range(3)]
    assert [pair.residual_px for pair in pairs[:2]] == [None, None]
    assert pairs[2].residual_px < 1.0


def test_one_image_is_registered_alone(rig, models):
    registrar = Registrar(models)
    ir, vis = (rig.render(f'{band}_left', 0.0) for band in ('ir', 'vis'))
    both = registrar.register('left', ir, vis)
    alone = registrar.register('left', ir, None)
    assert alone.vis is None and np.array_equal(alone.ir, both.ir)
    assert alone.size == both.size == (640, 480)
    assert np.array_equal(registrar.register('left', None, vis).vis, both.vis)
    with pytest.raises(ValueError, match='left'):
        registrar.register('left', None, None)


def test_parts_are_those_of_the_whole_image(rig, models):
    registrar = Registrar(models, residual_period=0)
    images = [rig.render(f'{band}_left', 0.0) for band in ('ir', 'vis')]
    whole = registrar.register('left', *images)
    for part in (
        np.s_[100:220, 300:420],
        np.s_[::16, ::16],
        np.s_[470:600, 600:900],
        np.s_[:, :],
        np.s_[5:5, 10:20],
        np.s_[10:20, 700:800],
    ):
        pair = registrar.register('left', *images)
        for _ in range(3):
            for view, image in ((pair.ir_view, whole.ir), (pair.vis_view, whole.vis)):
                assert view.shape == image.shape and view.ndim == image.ndim
                assert np.array_equal(view[part], image[part])
                assert view[part].shape == image[part].shape
                assert view[part].dtype == view.dtype == np.uint8
    assert whole.ir is whole.ir, 'the whole image is computed once'


def test_a_copy_of_the_whole_image_is_a_copy(models):
    registrar = Registrar(models)
    pair = registrar.register('left', None, np.full((480, 640, 3), 90, np.uint8))
    copied = np.array(pair.vis_view)
    copied[:] = 0
    assert pair.vis[240, 320].tolist() == [90, 90, 90]
    assert np.asarray(pair.vis_view) is np.asarray(pair.vis_view)
    assert np.asarray(pair.vis_view, np.float32).dtype == np.float32


def test_without_calibration_images_pass_unchanged_with_one_warning(models, caplog):
    registrar = Registrar({**models, 'ir_left': None})
    ir, vis = spot((100, 50)), spot((200, 100), channels=3)
    with caplog.at_level(logging.WARNING):
        pairs = [registrar.register('left', ir, vis) for _ in range(3)]
    assert pairs[0].ir is ir and pairs[0].vis is vis and pairs[0].model is None
    assert [record.message for record in caplog.records] == [caplog.records[0].message]
    assert 'ir_left' in caplog.text and 'camera_info' in caplog.text
    small = registrar.register('left', spot((100, 50), (320, 240)), vis)
    assert small.ir.shape == vis.shape[:2]
    assert centroid(small.ir) == pytest.approx([200.5, 100.5], abs=0.5)


def test_a_lens_that_is_alone_on_its_side_is_rectified(models, caplog):
    registrar = Registrar({lens: models[lens] for lens in ('ir_left', 'ir_right')})
    for side in SIDES:
        model = models[f'ir_{side}']
        point = (0.3, -0.2, 2.0)
        pair = registrar.register(side, spot(raw(model, point)), None)
        assert centroid(pair.ir) == pytest.approx(project(model, point), abs=0.3)
        assert np.array_equal(pair.model.P, model.P) and pair.frame_id('') == model.frame_id
    assert not caplog.records


@pytest.mark.parametrize('lens', ['ir_left', 'vis_left'])
def test_a_lens_without_calibration_counts_once_it_has_sent_an_image(models, caplog, lens):
    registrar = Registrar({**models, lens: None})
    (other,) = {'ir_left', 'vis_left'} - {lens}
    point = (0.3, -0.2, 2.0)
    images = {'ir_left': None, 'vis_left': None, other: spot(raw(models[other], point))}
    for _ in range(2):
        pair = registrar.register('left', *images.values())
        alone = pair.ir if lens == 'vis_left' else pair.vis
        assert np.array_equal(pair.model.P, models[other].P)
        assert centroid(alone) == pytest.approx(project(models[other], point), abs=0.3)
    assert not caplog.records
    # From now on it is known to be there, also while it is missing.
    for image in (spot((100, 50)), None, spot((100, 50)), None):
        pair = registrar.register('left', *{**images, lens: image}.values())
        assert pair.model is None
        assert images[other] is (pair.ir if lens == 'vis_left' else pair.vis)
    (message,) = caplog.messages
    assert message.startswith(f'no calibration of {lens}: ')
    registrar.calibrate(models)
    pair = registrar.register('left', *images.values())
    assert np.array_equal(pair.model.P, models['vis_left'].P)


def test_a_calibration_for_images_of_another_shape_is_not_used(models, caplog):
    registrar = Registrar(models)
    ir, cropped = spot((100, 50)), np.zeros((360, 640, 3), np.uint8)
    for _ in range(2):
        pair = registrar.register('left', ir, cropped)
        assert pair.vis is cropped and pair.model is None and pair.size == (640, 360)
    [record] = caplog.records
    assert 'vis_left for its images of 640x360 (there is one for 640x480): ' in record.message
    assert registrar.register('right', ir, np.zeros((960, 1280, 3), np.uint8)).model is not None


def test_lenses_that_need_nothing_cost_nothing(models):
    ideal = replace(models['vis_left'].rectified(), name='ideal')
    pair_models = {'ir_left': ideal, 'vis_left': ideal}
    ir, vis = spot((100, 50)), spot((200, 100), channels=3)
    pair = Registrar(pair_models).register('left', ir, vis)
    assert pair.ir is ir and pair.vis is vis and pair.model is not None


def alone(model):
    """Return what calibrating a lens by itself tells: nothing of where it stands."""
    return replace(model, R=np.eye(3), P=np.column_stack([model.K, np.zeros(3)]))


def test_lenses_that_were_calibrated_one_by_one_are_named(rig, models, caplog):
    registrar = Registrar({lens: alone(model) for lens, model in models.items()}, 3.0, 1)
    pair = rig.render('ir_left', 0.0), rig.render('vis_left', 0.0)
    for _ in range(2):
        registrar.register('left', *pair)
    assert (registrar.problems(), caplog.messages) == ([], [])
    for _ in range(2):
        registrar.register('left', *pair)
    assert registrar.problems() == ['ir_left and vis_left were calibrated one by one']
    (message,) = caplog.messages
    assert message.startswith('ir_left and vis_left stand in one place by their calibration')
    assert 'fer_fusion calibrate' in message
    registrar.calibrate(models)
    registrar.register('left', *pair)
    assert registrar.problems() == []


def test_sides_that_were_calibrated_apart_are_named(models, caplog):
    image = np.zeros((480, 640), np.uint8)
    apart = {lens: alone(model) for lens, model in models.items()}

    def said(models, *sides):
        caplog.clear()
        registrar = Registrar(models)
        for side in sides * 2:
            registrar.register(side, image, None)
        told = registrar.problems(), [*caplog.messages]
        registrar.calibrate({})
        assert registrar.problems() == []
        return told

    problems, (message,) = said(apart, *SIDES)
    assert problems == ['vis_left and vis_right were calibrated one by one']
    assert message.startswith('vis_left and vis_right stand in one place by their calibration')
    assert 'fer_fusion calibrate' in message
    problems, (message,) = said({lens: apart[lens] for lens in LENSES[:2]}, *SIDES)
    assert problems == ['ir_left and ir_right were calibrated one by one']
    assert message.startswith('ir_left and ir_right stand')
    for side in SIDES:
        assert said(apart, side) == ([], [])
    assert said(models, *SIDES) == ([], [])
    assert said({lens: apart[lens] for lens in LENSES if 'left' in lens}, 'left') == ([], [])
    problems, (message,) = said({**apart, 'ir_right': None}, *SIDES)
    assert problems == [] and message.startswith('no calibration of ir_right')


@pytest.mark.parametrize('shift', [0.0, 1e-2])
def test_lenses_behind_one_optic_and_apart_are_not_named(rig, models, caplog, shift):
    # The same lens twice is in one place; with a baseline, things off the plane are apart.
    vis = alone(models['vis_left'])
    ir = replace(vis, P=vis.P + np.array([[0, 0, 0, shift * vis.P[0, 0]], [0] * 4, [0] * 4]))
    registrar = Registrar({'ir_left': ir, 'vis_left': vis}, 0.5, 1)
    image = rig.render('vis_left', 0.0)
    for _ in range(5):
        registrar.register('left', image[..., 1], image)
    assert (registrar.problems(), caplog.messages) == ([], [])
