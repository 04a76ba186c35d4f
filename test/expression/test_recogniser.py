from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fer_fusion_ros.expression.data.labelled_photographs import cut_face
from fer_fusion_ros.expression.labels import UNCERTAIN
from fer_fusion_ros.expression.pace import Pace
from fer_fusion_ros.expression.recogniser import combine
from fer_fusion_ros.expression.stereo import in_infrared
from fer_fusion_ros.faces import Detection, FaceDetector
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.lenses.names import LENSES, SIDES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.pipeline import PipelineSettings
from fer_fusion_ros.pipeline.pipeline import create_recogniser
from fer_fusion_ros.registration import RegisteredPair, Registrar

SETTINGS = PipelineSettings(threads=1)


def frames(count, lenses=LENSES, calibrated=True, **arguments):
    rig = SimulatedRig(**arguments)
    models = {lens: rig.camera_model(lens) for lens in LENSES} if calibrated else {}
    registrar = Registrar(models)
    for index in range(count):
        t = index / 30
        images = {lens: rig.render(lens, t) for lens in lenses}
        yield (
            round(t * 1e9),
            {
                side: registrar.register(side, images.get(f'ir_{side}'), images.get(f'vis_{side}'))
                for side in SIDES
                if f'ir_{side}' in images or f'vis_{side}' in images
            },
        )


def run(recogniser, stream):
    return [recogniser.process(pairs, stamp) for stamp, pairs in stream]


@pytest.fixture(scope='module')
def recogniser():
    return create_recogniser(SETTINGS)


@pytest.fixture(autouse=True)
def fresh(recogniser):
    recogniser.reset()


def test_combines_by_the_mean_of_the_logarithms():
    a, b = np.float32([0.8, 0.2, 0, 0, 0, 0, 0]), np.float32([0.2, 0.8, 0, 0, 0, 0, 0])
    assert combine([a]) is a
    assert combine([a, b])[:2] == pytest.approx([0.5, 0.5])
    sure = np.float32([0.99, 0.01, 0, 0, 0, 0, 0])
    combined = combine([sure, b])
    assert combined[0] == pytest.approx(1 / (1 + np.sqrt(0.01 * 0.8 / (0.99 * 0.2))), abs=1e-4)
    assert combined.sum() == pytest.approx(1) and combined.dtype == np.float32


def test_the_same_frames_give_the_same_results(recogniser):
    first = run(recogniser, frames(8, people=2))
    # The stamps start again, which resets it, but for the ids.
    again = {'face-1': 'face-3', 'face-2': 'face-4'}
    second = run(recogniser, frames(8, people=2))
    for before, after in zip(first, second, strict=True):
        assert [again[face.face_id] for face in before] == [face.face_id for face in after]
        for a, b in zip(before, after, strict=True):
            assert a.box == b.box
            assert np.array_equal(a.probabilities, b.probabilities)


def test_photographs_are_framed_as_faces_are_here(recogniser):
    class Given(FaceDetector):
        def detect(self, image, size_range=None):
            return [Detection(in_infrared(pairs['left'], track.box), 1.0)]

    (_, pairs), *_ = frames(1, ['ir_left'])
    glimpse = recogniser.look(pairs, 0)
    (track,), ((view,),) = glimpse.tracks, glimpse.views
    photograph, found = cut_face(pairs['left'].ir, Given(), 48)
    assert found
    # Around the 48 pixels are four more for the fusion.
    assert view.ir[4:-4, 4:-4].astype(int) == pytest.approx(photograph.astype(int), abs=1)


def test_fills_every_field():
    recogniser = create_recogniser(replace(SETTINGS, max_views=4))
    results = run(recogniser, frames(6, people=2))
    assert [len(faces) for faces in results] == [2] * 6
    for face in results[-1]:
        assert face.side == 'left' and face.modality is Modality.FUSED and face.lenses == 15
        assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert face.confidence == face.probabilities.max()
        assert face.raw_confidence == face.raw_probabilities.max()
        assert 0.3 < face.illumination < 0.9
        assert face.distance == pytest.approx(3.0, abs=0.15)
        assert face.position[2] == pytest.approx(3.0, abs=0.15)
    assert 'fusion-' in recogniser.model and 'expression-' in recogniser.model


@pytest.mark.parametrize(
    ('lenses', 'modality', 'mask'),
    [
        (('ir_left', 'ir_right'), Modality.INFRARED, 3),
        (('vis_left', 'vis_right'), Modality.VISIBLE, 12),
        (('ir_right', 'vis_right'), Modality.FUSED, 10),
        (('ir_left', 'ir_right', 'vis_right'), Modality.FUSED, 11),
        (('vis_right',), Modality.VISIBLE, 8),
    ],
)
def test_goes_on_with_the_lenses_that_are_left(recogniser, lenses, modality, mask):
    results = run(recogniser, frames(3, lenses))
    (face,) = results[-1]
    assert face.modality is modality and face.lenses == mask
    assert face.side == ('left' if any(lens.endswith('left') for lens in lenses) else 'right')
    assert np.isnan(face.illumination) == (modality is Modality.INFRARED)
    assert face.distance == pytest.approx(3.0, abs=0.4)


def test_a_face_is_followed_from_one_side_to_the_other(recogniser):
    near = {'distance': 1.0, 'sway': 0.0}
    (before,) = run(recogniser, frames(10, **near))[-1]
    _, pairs = next(frames(1, ('ir_right', 'vis_right'), **near))
    (after,) = recogniser.process(pairs, 10 * 33_333_333)
    assert (before.side, after.side) == ('left', 'right')
    assert before.face_id == after.face_id
    # The lenses are 6 cm apart, so at this distance a face is 60 pixels further left.
    assert after.box[0] + after.box[2] / 2 == pytest.approx(
        before.box[0] + before.box[2] / 2 - 60, abs=8
    )


def test_without_calibration_there_is_no_distance(recogniser):
    (face,) = run(recogniser, frames(2, calibrated=False))[-1]
    assert np.isnan(face.distance) and face.position is None


def test_the_sides_take_turns_when_there_are_too_many_faces():
    both = create_recogniser(replace(SETTINGS, max_views=4))
    assert [[face.lenses for face in faces] for faces in run(both, frames(2, people=2))] == [
        [15, 15],
        [15, 15],
    ]
    turns = create_recogniser(replace(SETTINGS, max_views=3))
    first, second = [[face.lenses for face in faces] for faces in run(turns, frames(2, people=2))]
    left, right = 5, 10
    assert sorted(first) == [left, right] and second == first[::-1]


class Budget(Pace):
    """Allows so many crops."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def allow(self, wanted):
        return min(self.most, super().allow(wanted))


@pytest.mark.parametrize('rate', [10.0, 50 / 3, 20.0, 30.0, 60.0])
def test_the_sides_take_turns_at_any_rate(recogniser, rate):
    ((_, pairs),) = frames(1, sway=0.0)
    lenses = []
    for index in range(40):
        (face,) = recogniser.process(pairs, round(index * 1e9 / rate), Budget(1))
        lenses.append(face.lenses)
    # After a while it knows the rate; now and then a side has two turns.
    changes = sum(a != b for a, b in pairwise(lenses[10:]))
    assert changes > 18
    assert 10 <= lenses[10:].count(5) <= 20


def test_where_time_is_short_faces_take_turns_and_the_others_are_followed():
    recogniser = create_recogniser(replace(SETTINGS, min_confidence=0.0))
    results = [recogniser.process(pairs, stamp, Budget(1)) for stamp, pairs in frames(8, people=2)]
    assert [len(faces) for faces in results] == [2] * 8
    # Each face in turn, from one side and then the other.
    left, right = 5, 10
    first, second = ([face.lenses for face in faces] for faces in zip(*results, strict=True))
    assert [bool(lenses) for lenses in first] == [True, False] * 4
    assert [bool(lenses) for lenses in second] == [False, True] * 4
    assert set(first) == set(second) == {0, left, right}
    assert all(face.skipped != bool(face.lenses) for faces in results for face in faces)
    # One that was never read is not known; one that was read is as it was.
    unknown = results[0][1]
    assert unknown.category == UNCERTAIN and unknown.modality is Modality.UNKNOWN
    assert np.isnan(unknown.illumination)
    for before, after in pairwise(results[1:]):
        for old, new in zip(before, after, strict=True):
            assert old.face_id == new.face_id and new.modality is Modality.FUSED
            assert old.box != new.box and new.distance == pytest.approx(3.0, abs=0.2)
            if new.lenses:
                assert new.raw_category == new.raw_probabilities.argmax()
                continue
            assert new.probabilities is old.probabilities and new.category == old.category
            assert new.confidence == old.confidence and new.illumination == old.illumination
            assert new.raw_category == UNCERTAIN
            assert new.raw_probabilities == pytest.approx([1 / 7] * 7)


def test_a_face_is_read_from_one_side_where_there_is_no_time_for_both(recogniser):
    stream = frames(2)
    lenses = [recogniser.process(pairs, stamp, Budget(1))[0].lenses for stamp, pairs in stream]
    assert sorted(lenses) == [5, 10]
    (_, pairs), *_ = frames(1)
    recogniser.reset()
    assert recogniser.process(pairs, 0, Budget(2))[0].lenses == 15


def test_the_right_side_is_read_in_the_mirror(monkeypatch):
    recogniser = create_recogniser(SETTINGS)
    pair = next(frames(1))[1]['left']
    classifier, seen = recogniser._classifier, []
    predict = classifier.predict
    monkeypatch.setattr(classifier, 'predict', lambda crops: seen.append(crops) or predict(crops))
    for side in SIDES:
        recogniser.reset()
        recogniser.process({side: type(pair)(side, pair.ir, pair.vis, pair.model)}, 0)
    left, right = seen
    assert np.array_equal(left, right[:, :, ::-1]) and not np.array_equal(left, right)


def change(pairs, **images):
    return {
        side: replace(pair, **{f'{band}_view': image(pair) for band, image in images.items()})
        for side, pair in pairs.items()
    }


def test_the_light_on_a_face_is_the_mean_of_what_the_lenses_see(recogniser):
    ((_, pairs),) = frames(1)
    seen = []
    for left, right in ((1, 1), (1, 2), (2, 1)):
        recogniser.reset()
        shade = {'left': left, 'right': right}
        shaded = change(pairs, vis=lambda pair: pair.vis // shade[pair.side])  # noqa: B023
        (face,) = recogniser.process(shaded, 0)
        seen.append(face.illumination)
    assert seen[1:] == pytest.approx([0.75 * seen[0]] * 2, rel=0.03)


@pytest.mark.parametrize('level', [0, 3, 255])
def test_an_infrared_image_that_shows_nothing_does_not_spoil_the_face(recogniser, level, caplog):
    rng = np.random.default_rng(0)

    def flat(pair):
        noise = rng.normal(level, 2, pair.ir.shape)
        return np.clip(noise, 0, 255).astype(np.uint8)

    results = {}
    for name in ('good', 'bad'):
        recogniser.reset()
        for stamp, pairs in frames(4):
            shown = pairs if name == 'good' else change(pairs, ir=flat)
            (results[name],) = recogniser.process(shown, stamp)
    good, bad = results['good'], results['bad']
    assert good.modality is Modality.FUSED
    assert bad.modality is Modality.VISIBLE and bad.lenses == 12
    assert bad.category == good.category
    assert level or 'lamp' in caplog.text


@pytest.mark.parametrize('half', ['left', 'right', 'bottom'])
def test_a_face_that_the_infrared_lens_sees_half_is_read_as_well(recogniser, half):
    ((_, pairs),) = frames(1)
    (whole,) = recogniser.process(pairs, 0)
    recogniser.reset()
    left, top, width, height = whole.box
    x, y = round(left + width / 2), round(top + height / 2)
    unseen = {'left': np.s_[:, :x], 'right': np.s_[:, x:], 'bottom': np.s_[y:]}[half]

    def narrow(pair):
        image = pair.ir.copy()
        image[unseen] = 0
        return image

    (face,) = recogniser.process(change({'left': pairs['left']}, ir=narrow), 0)
    assert face.modality is Modality.FUSED
    assert face.probabilities == pytest.approx(whole.probabilities, abs=0.03)


def test_what_shows_no_face_is_not_read(recogniser):
    *_, (stamp, pairs) = stream = list(frames(6))
    *_, (before,) = run(recogniser, stream)
    black = {
        band: lambda pair, band=band: np.zeros_like(getattr(pair, band)) for band in ('ir', 'vis')
    }
    (face,) = recogniser.process(change(pairs, **black), stamp + 33_333_333)
    assert face.lenses == 0 and face.raw_category == UNCERTAIN and not face.skipped
    assert face.probabilities is before.probabilities


@pytest.mark.parametrize('distance', [0.8, 1.5])
@pytest.mark.parametrize('light', [1.0, 0.002])
def test_near_faces_are_fused_in_place_too(recogniser, distance, light):
    for stamp, pairs in frames(5, distance=distance, light=light, sway=0.0):
        glimpse = recogniser.look(pairs, stamp)
    ((view, *_),) = glimpse.views
    pair = pairs['left']
    # As the plane through the face would have it.
    models = {lens: SimulatedRig(distance=distance).camera_model(lens) for lens in LENSES}
    rig = SimulatedRig(distance=distance, light=light, sway=0.0)
    t = stamp * 1e-9
    there = Registrar(models, plane_distance=distance).register(
        'left', rig.render('ir_left', t), rig.render('vis_left', t)
    )
    (track,) = glimpse.tracks
    assert glimpse.distances[0] == pytest.approx(distance, rel=0.05)
    expected = recogniser._view(replace(there, ir_model=None), track.box, distance)
    difference = np.abs(view.ir.astype(int) - expected.ir).mean()
    assert difference < 3
    unmoved = recogniser._view(replace(pair, ir_model=None), track.box, distance)
    assert np.abs(unmoved.ir.astype(int) - expected.ir).mean() > 4 * difference
    # In the dark the face is found in the infrared image, and lies where it does by day.
    position = rig.truth(t)[0].position
    face = recogniser.read([glimpse])[0][0]
    assert face.position == pytest.approx(position, abs=0.04 * distance)


def test_nobody_is_there(recogniser):
    pairs = next(frames(1))[1]
    blank = {
        side: type(pair)(side, np.full_like(pair.ir, 80), np.full_like(pair.vis, 80), pair.model)
        for side, pair in pairs.items()
    }
    assert recogniser.process(blank, 0) == []
    assert recogniser.process({}, 1) == []


def test_abstains_below_its_confidence():
    strict = create_recogniser(replace(SETTINGS, min_confidence=1.0))
    (face,) = run(strict, frames(1))[0]
    assert face.category == face.raw_category == UNCERTAIN
    assert 0 < face.confidence < 1
    lenient = create_recogniser(replace(SETTINGS, min_confidence=0.0))
    (face,) = run(lenient, frames(1))[0]
    assert face.category == face.probabilities.argmax()


def test_smoothing_goes_on_when_a_face_comes_back():
    recogniser = create_recogniser(replace(SETTINGS, time_constant=5.0))
    stream = list(frames(30, sway=0.0))
    before = run(recogniser, stream[:10])[-1]
    hidden = []
    for stamp, pairs in stream[10:25]:
        blank = {
            side: RegisteredPair(side, 0 * pair.ir, 0 * pair.vis, pair.model)
            for side, pair in pairs.items()
        }
        hidden.append(recogniser.process(blank, stamp))
    after = next(filter(None, run(recogniser, stream[25:])))
    assert [] in hidden
    (old,), (new,) = before, after
    assert new.face_id == old.face_id
    # Afresh it would be what this frame alone tells.
    assert not np.array_equal(new.probabilities, new.raw_probabilities)
    assert np.abs(new.probabilities - old.probabilities).max() < 0.1


def test_what_is_known_of_a_face_is_forgotten_with_its_id():
    recogniser = create_recogniser(replace(SETTINGS, max_lost=0.1))
    *_, (stamp, pairs) = stream = list(frames(4))
    run(recogniser, stream)
    nobody = change(pairs, ir=lambda pair: 0 * pair.ir, vis=lambda pair: 0 * pair.vis)
    for index in (1, 2):
        assert recogniser.process(nobody, stamp + index * 10**9) == []
    assert not recogniser._smoother._faces and not recogniser._told


def test_images_of_another_size_start_afresh(recogniser):
    stream = list(frames(6, sway=0.0, distance=1.5))
    ((old,),) = run(recogniser, stream[5:])
    small = {
        side: RegisteredPair(side, None, np.ascontiguousarray(pair.vis[::2, ::2]))
        for side, pair in stream[5][1].items()
    }
    (new,) = recogniser.process(small, stream[5][0] + 33_333_333)
    assert (old.face_id, new.face_id) == ('face-1', 'face-2')
    assert new.box[2] == pytest.approx(old.box[2] / 2, rel=0.15)
