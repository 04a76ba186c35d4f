import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer_fusion_ros.expression.stereo import (
    distance_by_width,
    find_in_other,
    in_infrared,
    position,
)
from fer_fusion_ros.lenses.camera_model import CameraModel
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.registration import RegisteredPair, Registrar


def sides(distance, light=1.0, bands=('ir', 'vis'), change=lambda models: models):
    rig = SimulatedRig(distance=distance, light=light, sway=0.0)
    registrar = Registrar(change({lens: rig.camera_model(lens) for lens in LENSES}))
    pairs = {}
    for side in ('left', 'right'):
        images = [
            rig.render(f'{band}_{side}', 0.0) if band in bands else None for band in ('ir', 'vis')
        ]
        pairs[side] = registrar.register(side, *images)
    return pairs, rig.truth(0.0)[0].position


def box_at(pair, place, width=0.18):
    pixel = pair.model.P @ [*place, 1.0]
    u, v = pixel[:2] / pixel[2] + 0.5
    size = pair.model.P[0, 0] * width / place[2]
    return (u - size / 2, v - size / 2, size, size)


@pytest.mark.parametrize('distance', [1.5, 2.5, 3.5])
@pytest.mark.parametrize('light', [1.0, 0.02])
def test_measures_the_distance(distance, light):
    pairs, place = sides(distance, light)
    sighting = find_in_other(pairs['left'], pairs['right'], box_at(pairs['left'], place))
    assert sighting.distance == pytest.approx(distance, rel=0.04)
    expected = box_at(pairs['right'], place)
    assert sighting.box == pytest.approx(expected, abs=2)


def test_matches_in_infrared_when_that_is_all():
    pairs, place = sides(3.0, bands=('ir',))
    back = find_in_other(pairs['right'], pairs['left'], box_at(pairs['right'], place))
    assert back.distance == pytest.approx(3.0, rel=0.04)
    assert back.box == pytest.approx(box_at(pairs['left'], place), abs=2)


@pytest.mark.parametrize(('light', 'lamp'), [(0.0, True), (1.0, False)])
def test_matches_in_the_images_that_show_the_face(light, lamp):
    pairs, place = sides(2.0, light)
    if not lamp:
        pairs = {side: replace(pair, ir_view=0 * pair.ir) for side, pair in pairs.items()}
    # Narrower than most, so by its width it would be 2.25 m away.
    box = box_at(pairs['left'], place, 0.16)
    sighting = find_in_other(pairs['left'], pairs['right'], box)
    assert sighting.distance == pytest.approx(2.0, rel=0.04)


@pytest.mark.parametrize('colour', [(0, 0, 0), (0, 135, 0), (255, 255, 255)])
@pytest.mark.parametrize(
    ('flat', 'missing', 'told'),
    [(('vis',), {}, True), (('vis',), {'ir_view': None}, False), (('vis', 'ir'), {}, False)],
)
def test_an_image_that_shows_nothing_tells_no_distance(colour, flat, missing, told):
    pairs, place = sides(2.0)
    views = {'vis_view': np.full_like(pairs['left'].vis, colour)}
    if 'ir' in flat:
        views['ir_view'] = np.full_like(pairs['left'].ir, colour[1])
    left, right = replace(pairs['left'], **views), replace(pairs['right'], **missing)
    # Narrower than most, so by its width it would be 2.25 m away.
    box = box_at(left, place, 0.16)
    sighting = find_in_other(left, right, box)
    assert sighting.distance == pytest.approx(2.0 if told else 2.25, rel=0.04)
    # Without calibration the images alone tell where it is.
    alone = (replace(pair, model=None, ir_model=None) for pair in (left, right))
    assert (find_in_other(*alone, box).box is not None) == told


def test_a_face_that_seems_to_be_beyond_infinity_is_as_far_as_its_width_tells():
    pairs, _ = sides(3.0)
    image = np.random.default_rng(0).integers(0, 255, (480, 640), np.uint8)
    # As of lenses that no longer look quite where they did when they were calibrated.
    left = RegisteredPair('left', None, image, pairs['left'].model)
    right = RegisteredPair('right', None, np.roll(image, 1, axis=1), pairs['right'].model)
    sighting = find_in_other(left, right, (300.0, 200.0, 10.0, 10.0))
    assert sighting.distance == pytest.approx(distance_by_width(left.model, (0, 0, 10.0, 10.0)))


def test_trusts_the_calibration_when_the_sides_share_no_band():
    pairs, place = sides(3.0)
    left = RegisteredPair('left', pairs['left'].ir, None, pairs['left'].model)
    right = RegisteredPair('right', None, pairs['right'].vis, pairs['right'].model)
    sighting = find_in_other(left, right, box_at(left, place))
    assert sighting.box == pytest.approx(box_at(right, place), abs=2)
    assert sighting.distance == pytest.approx(3.0)


def test_without_calibration_finds_the_face_but_no_distance():
    pairs, place = sides(3.0)
    box, expected = (box_at(pairs[side], place) for side in ('left', 'right'))
    left, right = (RegisteredPair(side, None, pairs[side].vis) for side in ('left', 'right'))
    sighting = find_in_other(left, right, box)
    assert math.isnan(sighting.distance)
    assert sighting.box == pytest.approx(expected, abs=3)
    blank = RegisteredPair('right', None, np.full_like(right.vis, 128))
    assert find_in_other(left, blank, box).box is None


@pytest.mark.parametrize('zoom', [1.0, 0.8])
@pytest.mark.parametrize('bands', [('ir', 'vis'), ('ir',), ('vis',)])
@pytest.mark.parametrize('distance', [1.0, 3.0])
def test_sides_that_were_calibrated_apart_are_matched_without_it(distance, bands, zoom):
    def zoomed(models):
        scale = np.diag([zoom, zoom, 1.0])
        right = {lens: models[lens] for lens in ('ir_right', 'vis_right')}
        return models | {lens: replace(it, P=scale @ it.P) for lens, it in right.items()}

    def apart(models):
        # Each side is right by itself, with its visible lens in the origin.
        moved = {}
        for lens, model in zoomed(models).items():
            P = model.P.copy()
            P[:2, 3] -= models[f'vis_{lens[lens.index("_") + 1 :]}'].P[:2, 3] * P[0, 0] / 1000
            moved[lens] = replace(model, P=P)
        return moved

    (truth, place), (pairs, _) = (sides(distance, 1.0, bands, each) for each in (zoomed, apart))
    assert pairs['right'].model.P[:2, 3] == pytest.approx([0.0, 0.0], abs=1e-6)
    sighting = find_in_other(pairs['left'], pairs['right'], box_at(truth['left'], place))
    assert sighting.distance == pytest.approx(distance)
    assert sighting.box == pytest.approx(box_at(truth['right'], place), abs=4 / distance)


def test_a_face_beyond_the_border_of_the_other_is_not_there():
    pairs, _ = sides(3.0)
    assert find_in_other(pairs['left'], pairs['right'], (-40.0, 200.0, 60.0, 60.0)).box is None


def test_position_and_width():
    pairs, place = sides(3.0)
    box = box_at(pairs['left'], place)
    assert distance_by_width(pairs['left'].model, box) == pytest.approx(3.0)
    # From the array's centre to the visible lens on the left.
    expected = np.array(place) + [0.03, -0.0125, 0]
    assert position(pairs['left'].model, box, 3.0) == pytest.approx(expected, abs=1e-6)
    assert position(None, box, 3.0) is None
    assert position(pairs['left'].model, box, math.nan) is None
    assert math.isnan(distance_by_width(None, box))


def lens(name, focal, x, y=0.0):
    K = np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1.0]])
    P = np.column_stack([K, [-focal * x, -focal * y, 0]])
    return CameraModel(name, 640, 480, K, np.zeros(5), 'plumb_bob', np.eye(3), P)


def wall(model, distance):
    # Of 2 by 1.5 m.
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.integers(0, 255, (60, 80), np.uint8), (800, 600))
    u, v = np.meshgrid(np.arange(640.0), np.arange(480.0))
    (f, _, cx, tx), (_, _, cy, ty) = model.P[:2]
    x, y = (u - cx - tx / distance) / f * distance, (v - cy - ty / distance) / f * distance
    maps = (np.float32(400 * x + 400), np.float32(400 * y + 300))
    return cv2.remap(texture, *maps, cv2.INTER_LINEAR)


def side_before_a_wall(side, model, distance):
    return RegisteredPair(side, None, wall(model, distance), model)


@pytest.mark.parametrize('distance', [0.8, 1.5, 3.0])
def test_two_infrared_lenses_and_one_of_colour_with_another_focal_length(distance):
    models = {
        'vis_left': lens('vis_left', 600.0, 0.0),
        'ir_left': lens('ir_left', 380.0, -0.015),
        'ir_right': lens('ir_right', 380.0, 0.035),
    }
    registrar = Registrar(models)
    infrared, other = (wall(models[lens], distance) for lens in ('ir_left', 'ir_right'))
    left = registrar.register('left', infrared, np.zeros((480, 640), np.uint8))
    right = registrar.register('right', other, None)
    left = replace(left, vis_view=None)
    place = (0.05, -0.02, distance)
    sighting = find_in_other(left, right, box_at(left, place))
    # Within a third of a pixel's disparity, of 6 at 3 m.
    assert sighting.distance == pytest.approx(distance, rel=0.02 * distance)
    assert sighting.box == pytest.approx(box_at(right, place), abs=2)
    # What is cut out of the infrared image is what is there.
    x, y, width, _ = in_infrared(left, box_at(left, place), distance)
    pixel = left.ir_model.P @ [*place, 1.0]
    assert (x + width / 2, y + width / 2) == pytest.approx(pixel[:2] / pixel[2] + 0.5)


@pytest.mark.parametrize('distance', [1.5, 3.0])
@pytest.mark.parametrize('edge', [60, 30, 17, 13, 5])
def test_a_face_cut_by_the_border_of_the_other_image_is_not_farther_for_it(distance, edge):
    pairs, place = sides(distance)
    margin = round(box_at(pairs['left'], place)[0]) - edge

    def cut(pair):
        K, P = pair.model.K.copy(), pair.model.P.copy()
        K[0, 2], P[0, 2] = K[0, 2] - margin, P[0, 2] - margin
        model = replace(pair.model, width=pair.model.width - margin, K=K, P=P)
        return RegisteredPair(pair.side, None, pair.vis[:, margin:], model)

    left, right = cut(pairs['left']), cut(pairs['right'])
    sighting = find_in_other(left, right, box_at(left, place))
    assert sighting.distance == pytest.approx(distance, rel=0.08)


@pytest.mark.parametrize('focal', [420.0, 600.0, 840.0])
@pytest.mark.parametrize('beyond', [0.0, 0.2, 0.35])
@pytest.mark.parametrize('edge', ['left', 'top', 'right', 'bottom'])
def test_a_face_cut_by_the_border_of_its_own_image_is_where_it_is(edge, beyond, focal):
    left = side_before_a_wall('left', lens('vis_left', 600.0, -0.03), 1.0)
    inside = 96 * (1 - beyond)
    x = {'left': -96 * beyond, 'right': 640 - inside}.get(edge, 272.0)
    y = {'top': -96 * beyond, 'bottom': 480 - inside}.get(edge, 192.0)
    # The other lens sees all of it.
    model = lens('vis_right', focal, 0.03)
    P = model.P.copy()
    P[:2, 2] -= (focal / 600) * (np.array([x + 48, y + 48]) - (320, 240))
    right = side_before_a_wall('right', replace(model, K=P[:, :3], P=P), 1.0)
    sighting = find_in_other(left, right, (x, y, 96.0, 96.0))
    assert sighting.distance == pytest.approx(1.0, rel=0.02)
    place = position(left.model, (x, y, 96.0, 96.0), 1.0) + [-0.03, 0.0, 0.0]
    u, v, _ = right.model.P @ [*place, 1.0]
    size = 96 * focal / 600
    expected = (u + 0.5 - size / 2, v + 0.5 - size / 2, size, size)
    assert sighting.box == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize('distance', [1.0, 3.0])
@pytest.mark.parametrize('sideways', [0.0, 0.0003, 0.03])
def test_a_lens_above_the_other_tells_the_distance_too(sideways, distance):
    left = side_before_a_wall('left', lens('vis_left', 600.0, 0.0, -0.03), distance)
    right = side_before_a_wall('right', lens('vis_right', 600.0, sideways, 0.03), distance)
    # Wider than most faces, so by its width it would be nearer.
    size = 600 * 0.21 / distance
    sighting = find_in_other(left, right, (300.0, 200.0, size, size))
    assert sighting.distance == pytest.approx(distance, rel=0.02)
