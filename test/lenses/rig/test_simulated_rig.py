"""What the simulated rig shows agrees with what it says it shows."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.cascades import cascade_file
from fer_fusion_ros.exceptions import RigError
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import SimulatedRig

CASCADE = cv2.CascadeClassifier(str(cascade_file('haarcascade_frontalface_default.xml')))


@pytest.fixture(scope='module')
def rig() -> SimulatedRig:
    return SimulatedRig()


def rectify(rig: SimulatedRig, lens: str, image: np.ndarray) -> np.ndarray:
    model = rig.camera_model(lens)
    maps = cv2.initUndistortRectifyMap(
        model.K, model.D, model.R, model.P[:, :3], (model.width, model.height), cv2.CV_32FC1
    )
    return cv2.remap(image, *maps, cv2.INTER_LINEAR)


def project(rig: SimulatedRig, lens: str, position: tuple[float, float, float]) -> np.ndarray:
    """Return the rectified pixel of a point in metres, by the matrix in ``camera_info``."""
    u, v, w = rig.camera_model(lens).P @ (*position, 1.0)
    return np.array([u / w, v / w])


def grey(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize('lens', LENSES)
def test_pictures_have_the_shape_of_the_lens_and_are_deterministic(rig, lens):
    first = rig.render(lens, 1.25)
    assert first.dtype == np.uint8
    assert first.shape == ((480, 640) if lens.startswith('ir') else (480, 640, 3))
    rig.render(lens, 7.0)
    assert np.array_equal(rig.render(lens, 1.25), first)
    assert np.array_equal(SimulatedRig().render(lens, 1.25), first)
    assert not np.array_equal(SimulatedRig(seed=1).render(lens, 1.25), first)
    assert not np.array_equal(rig.render(lens, 1.5), first)


def test_noise_is_another_in_each_frame_and_lens():
    rig = SimulatedRig(light=0.05, sway=0.0)
    blank = {lens: np.mean([rig.render(lens, t) for t in range(20)], axis=0) for lens in LENSES}
    noises = [rig.render(lens, 30 + t) - blank[lens] for lens in LENSES[2:] for t in (0.0, 1 / 30)]
    likeness = np.corrcoef([noise.ravel() for noise in noises])
    assert np.abs(likeness - np.eye(4)).max() < 0.1


@pytest.mark.parametrize('distance', [1.5, 3.0, 3.5])
def test_the_face_is_as_large_as_its_distance_makes_it(distance):
    rig = SimulatedRig(distance=distance)
    (truth,) = rig.truth(2.0)
    assert truth.distance == distance
    for lens in LENSES:
        focal = rig.camera_model(lens).K[0, 0]
        x, y, width, height = truth.face_box[lens]
        assert width == pytest.approx(focal * 0.16 / distance, rel=0.02)
        assert 0 < x < 640 - width
        assert 0 < y < 480 - height


def test_lenses_of_an_array_see_the_face_apart_by_the_disparity(rig):
    """Measured in the pictures: baseline times focal length over distance, once rectified."""
    (truth,) = rig.truth(2.0)
    views = {lens: rectify(rig, lens, grey(rig.render(lens, 2.0))) for lens in LENSES}
    x, y = np.rint(project(rig, 'vis_left', truth.position)).astype(int) - 40
    template = views['vis_left'][y : y + 80, x : x + 80]

    def shift(lens: str) -> np.ndarray:
        score = cv2.matchTemplate(views[lens], template, cv2.TM_CCOEFF_NORMED)
        _, best, _, place = cv2.minMaxLoc(score)
        assert best > 0.6
        return np.array(place) - (x, y)

    focal = 1000 / rig.distance
    assert np.allclose(shift('vis_right'), (-focal * 0.060, 0), atol=1)
    assert np.allclose(shift('ir_left'), (0, focal * 0.025), atol=1)
    assert np.allclose(shift('ir_right'), (-focal * 0.060, focal * 0.025), atol=1)


def test_raw_pictures_need_rectification(rig):
    (truth,) = rig.truth(2.0)
    for side in ('left', 'right'):
        infrared, visible = (truth.face_box[f'{kind}_{side}'] for kind in ('ir', 'vis'))
        expected = project(rig, f'ir_{side}', truth.position) - project(
            rig, f'vis_{side}', truth.position
        )
        assert np.hypot(*(np.subtract(infrared[:2], visible[:2]) - expected)) > 5


@pytest.mark.parametrize('lens', LENSES)
def test_a_detector_finds_the_face_where_the_truth_says(rig, lens):
    x, y, width, height = rig.truth(0.5)[0].face_box[lens]
    boxes = CASCADE.detectMultiScale(grey(rig.render(lens, 0.5)), 1.1, 3, minSize=(30, 30))
    centres = [(bx + bw / 2, by + bh / 2) for bx, by, bw, bh in boxes]
    assert any(
        abs(cx - x - width / 2) < 0.25 * width and abs(cy - y - height / 2) < 0.25 * height
        for cx, cy in centres
    )


def test_visible_follows_the_light_and_infrared_does_not():
    levels = (1.0, 0.1, 0.05, 0.02)
    bright, *dark = (SimulatedRig(light=light) for light in levels)
    means = [rig.render('vis_left', 1.0).mean() for rig in (bright, *dark)]
    assert means == sorted(means, reverse=True)
    assert means[-1] < 0.4 * means[0]
    for rig in dark:
        assert np.array_equal(rig.render('ir_left', 1.0), bright.render('ir_left', 1.0))


def test_the_lamp_lights_the_wall_less_than_the_people():
    """The less, the further it is behind them, as seen beside them."""

    def share(distance: float) -> float:
        rig = SimulatedRig(np.full((1, 48, 48), 128, np.uint8), distance=distance)
        infrared, visible = (grey(rig.render(lens, 0.0))[:, :100] for lens in LENSES[::2])
        return infrared.mean() / visible.mean()

    assert share(1.0) / share(3.0) == pytest.approx((1 / 2.2) / (3 / 4.2), rel=0.03)


@pytest.mark.filterwarnings('error::RuntimeWarning')
def test_light_may_fade_to_nothing():
    levels = (0.001, 0.0004, 0.0)
    rig = SimulatedRig(light=lambda t: levels[int(t)])
    means = [rig.render('vis_left', float(t)).mean() for t in range(3)]
    assert means[0] > means[1] >= means[2] > 0


def test_light_may_change_with_time():
    rig = SimulatedRig(light=lambda t: 1.0 if t < 1 else 0.02)
    assert rig.truth(0.5)[0].light == 1.0
    assert rig.truth(1.5)[0].light == 0.02
    assert rig.render('vis_right', 0.5).mean() > 2 * rig.render('vis_right', 1.5).mean()


def test_people_sway_and_can_stand_still(rig):
    xs = [rig.truth(t)[0].position[0] for t in np.arange(0, 6, 0.1)]
    assert 0.08 < max(xs) - min(xs) <= 0.1
    assert np.abs(np.diff(xs)).max() < 0.01
    still = SimulatedRig(sway=0.0)
    assert still.truth(0.0)[0].position == still.truth(3.3)[0].position


def test_several_people_stand_side_by_side():
    faces = np.full((3, 48, 48), 128, np.uint8)
    rig = SimulatedRig(faces, ['sad', 'happy', 'fear'], people=2)
    left, right = rig.truth(0.0)
    assert (left.expression, right.expression) == ('sad', 'happy')
    assert right.position[0] - left.position[0] > 0.3
    # The next ones step in front of the rig after a while, or when asked for.
    assert [person.expression for person in rig.truth(5.1)] == ['fear', 'sad']
    assert [person.face for person in rig.truth(0.0, face=1)] == [1, 2]
    assert rig.render('ir_right', 0.0, face=1).shape == (480, 640)


def test_frames_come_on_the_beat_or_with_jitter_and_drops(rig):
    assert rig.frame_time('ir_left', 90) == 3.0
    loose = SimulatedRig(jitter=0.005, drop=0.1)
    times = {lens: [loose.frame_time(lens, i) for i in range(2000)] for lens in LENSES}
    assert times['ir_left'] == [loose.frame_time('ir_left', i) for i in range(2000)]
    assert times['ir_left'] != times['vis_left']
    for series in times.values():
        assert sum(t is None for t in series) / 2000 == pytest.approx(0.1, abs=0.03)
        late = [t - i / 30 for i, t in enumerate(series) if t is not None]
        assert np.abs(late).max() <= 0.005
        assert np.std(late) == pytest.approx(0.005 / np.sqrt(3), rel=0.1)


def test_photographs_come_from_a_file_or_a_folder(tmp_path, rig):
    picture = rig.photographs[0]
    for name in ('b.png', 'a.jpg'):
        cv2.imwrite(str(tmp_path / name), picture)
    assert len(SimulatedRig(tmp_path).photographs) == 2
    named = SimulatedRig(tmp_path / 'b.png')
    # Found by a detector here, known there.
    assert np.allclose(named.truth(0)[0].position, rig.truth(0)[0].position)
    difference = cv2.absdiff(named.render('vis_left', 0.0), rig.render('vis_left', 0.0))
    assert np.median(difference) <= 1
    assert named.truth(0)[0].expression is None


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'faces': '/nowhere'}, 'does not exist'),
        ({'faces': []}, 'no photograph'),
        ({'labels': ['a', 'b']}, '1 photographs but 2 labels'),
        ({'distance': 0.1}, 'distance is 0.1; give 0.5 to 20'),
        ({'drop': 2.0}, 'drop is 2.0'),
        ({'jitter': 0.1}, 'jitter is 0.1'),
        ({'distance': np.nan}, 'distance is nan; give 0.5 to 20'),
        ({'distance': '3'}, "distance is '3'; give 0.5 to 20"),
        ({'people': 2.5}, 'people is 2.5; give a whole number from 1 to 8'),
        ({'people': True}, 'people is True; give a whole number from 1 to 8'),
        ({'light': np.nan}, 'light is nan; give 0 to 1'),
        ({'light': -1}, 'light is -1; give 0 to 1'),
        ({'light': 'dark'}, "light is 'dark'; give 0 to 1"),
        ({'light': lambda t: np.nan}, 'light is nan; give 0 to 1'),
        ({'faces': np.zeros((2, 48, 48), np.float32)}, 'photograph 0 is float32'),
        ({'faces': np.zeros((48, 48), np.uint8)}, r'photograph 0 is uint8 of shape \(48,\)'),
        (
            {'faces': [np.zeros((48, 48), np.uint8), np.zeros((48, 48, 4), np.uint8)]},
            r'photograph 1 is uint8 of shape \(48, 48, 4\); give uint8 of shape \(H, W\)',
        ),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(RigError, match=message):
        SimulatedRig(**arguments)


def test_numbers_may_be_of_any_type_of_their_kind():
    rig = SimulatedRig(distance=3, light=np.float32(0.5), people=np.int64(2), fps=30)
    assert len(rig.truth(0.0)) == 2 and rig.light(1.0) == 0.5


def test_a_light_that_goes_out_of_range_later_is_named():
    rig = SimulatedRig(light=lambda t: 1.0 - t)
    with pytest.raises(RigError, match=r'light is -1\.0; give 0 to 1'):
        rig.render('vis_left', 2.0)


def test_a_photograph_without_a_face_is_refused():
    blank = np.full((300, 300), 90, np.uint8)
    with pytest.raises(RigError, match='no frontal face is found in photograph 0'):
        SimulatedRig([blank])
    later = SimulatedRig([np.full((48, 48), 90, np.uint8), blank])
    with pytest.raises(RigError, match='no frontal face is found in photograph 1'):
        later.render('vis_left', 6.0)


def test_an_empty_folder_and_a_broken_image_are_refused(tmp_path):
    with pytest.raises(RigError, match='holds no image'):
        SimulatedRig(tmp_path)
    (tmp_path / 'x.png').write_bytes(b'not an image')
    with pytest.raises(RigError, match=r'x\.png: not a readable image'):
        SimulatedRig(tmp_path)
    cv2.imwrite(str(tmp_path / 'x.png'), np.full((48, 48), 1023, np.uint16))
    with pytest.raises(RigError, match=r'x\.png: has 16 bits, but no pixel above 1023'):
        SimulatedRig(tmp_path)
