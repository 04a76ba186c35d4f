import cv2
import numpy as np
import pytest

from fer_fusion_ros.faces import FaceDetector, FaceFinder, HaarDetector
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.registration import Registrar


class Counting(HaarDetector):
    """A detector that counts the pixels it was given."""

    pixels = 0

    def detect_in(self, image, area, size_range=None):
        self.pixels += area[2] * area[3]
        return super().detect_in(image, area, size_range)

    def search(self, image, window):
        self.pixels += window.area[2] * window.area[3]
        return super().search(image, window)


def stream(frames, bands=('ir', 'vis'), **arguments):
    """Yield registered images of the left side and the centres of the faces in them."""
    rig = SimulatedRig(**arguments)
    models = {lens: rig.camera_model(lens) for lens in LENSES}
    registrar = Registrar(models, residual_period=0)
    for index in range(frames):
        t = index / 30
        images = {band: rig.render(f'{band}_left', t) for band in bands}
        pair = registrar.register('left', images.get('ir'), images.get('vis'))
        truth = [models['vis_left'].P @ [*each.position, 1.0] for each in rig.truth(t)]
        yield round(t * 1e9), pair, [pixel[0] / pixel[2] for pixel in truth]


@pytest.mark.parametrize(
    ('light', 'bands'), [(1.0, ('ir', 'vis')), (0.02, ('ir', 'vis')), (0.02, ('ir',))]
)
def test_two_people_keep_their_ids_while_they_move(light, bands):
    finder = FaceFinder(HaarDetector())
    owners = {}
    for stamp, pair, places in stream(60, bands, people=2, light=light, sway=0.08):
        tracks = finder.find(pair.ir, pair.vis, stamp)
        assert len(tracks) == 2
        for track in tracks:
            off = np.abs(np.array(places) - track.box[0] - track.box[2] / 2)
            assert off.min() < 12
            assert owners.setdefault(track.face_id, off.argmin()) == off.argmin()
    assert sorted(owners) == ['face-1', 'face-2']


def test_looks_at_a_fraction_of_the_pixels():
    detector = Counting()
    finder = FaceFinder(detector)
    seen = []
    for stamp, pair, _ in stream(31):
        finder.find(pair.ir, pair.vis, stamp)
        seen.append(detector.pixels)
    assert seen[0] > 640 * 480
    assert (seen[-1] - seen[0]) / 30 < 0.2 * 640 * 480


def test_finds_who_comes_later_and_forgets_who_left():
    finder = FaceFinder(HaarDetector(), max_lost=0.5)
    frames = list(stream(30))
    empty = np.full_like(frames[0][1].ir, 90)
    counts = []
    for stamp, _, _ in frames[:3]:
        counts.append(len(finder.find(empty, None, stamp)))
    for stamp, pair, _ in frames[3:]:
        counts.append(len(finder.find(pair.ir, pair.vis, stamp)))
    assert counts[:3] == [0, 0, 0] and counts[-1] == 1
    last = frames[-1][0]
    gone = [len(finder.find(empty, None, last + n * 33_333_333)) for n in range(1, 20)]
    assert gone[-1] == 0
    for stamp in (last + 10**10, last + 10**10 + 33_333_333):
        later = finder.find(frames[0][1].ir, frames[0][1].vis, stamp)
    assert [track.face_id for track in later] == ['face-2']


def test_a_clock_that_jumps_back_starts_again():
    finder = FaceFinder(HaarDetector())
    frames = list(stream(4))
    for name in ('face-1', 'face-2'):
        for stamp, pair, _ in frames:
            (track,) = finder.find(pair.ir, pair.vis, stamp)
            assert track.face_id == name
    finder.reset()
    (track,) = finder.find(pair.ir, pair.vis, stamp)
    assert track.face_id == 'face-1'


def test_an_image_that_goes_dark_is_left_for_the_other():
    finder = FaceFinder(HaarDetector())
    for stamp, pair, _ in stream(10):
        (track,) = finder.find(pair.ir, np.zeros_like(pair.vis), stamp)
        assert track.face_id == 'face-1'


def test_between_dark_and_light_the_image_that_is_searched_first_stays_the_same():
    class Asked(FaceDetector):
        def detect(self, image, size_range=None):
            asked.append('vis' if image.ndim == 3 else 'ir')
            return []

    finder = FaceFinder(Asked())
    ir = np.zeros((100, 100), np.uint8)
    first = []
    for index, level in enumerate([40, 30, 26, 24, 30, 34, 36, 30]):
        asked = []
        finder.find(ir, np.full((100, 100, 3), level, np.uint8), index * 10**9)
        first.append(asked[0])
    assert first == ['vis'] * 3 + ['ir'] * 3 + ['vis'] * 2


def test_known_faces_take_turns():
    detector = Counting()
    finder = FaceFinder(detector, search_every=300)
    spent = []
    for stamp, pair, _ in stream(31, people=3, sway=0.0):
        before = detector.pixels
        assert len(finder.find(pair.ir, pair.vis, stamp)) == 3
        spent.append(detector.pixels - before)
    # One of the three on each frame, not all of them on one frame in three.
    assert 0 < max(spent[4:]) < 1.5 * min(spent[4:])


def test_rare_frames_are_all_looked_at():
    detector = Counting()
    finder = FaceFinder(detector, search_every=300)
    frames = [pair for _, pair, _ in stream(4)]
    for index, pair in enumerate(frames):
        before = detector.pixels
        assert len(finder.find(pair.ir, pair.vis, index * 300_000_000)) == 1
        assert detector.pixels > before


@pytest.mark.parametrize('period', [0.3, 0.8, 2.0])
def test_faces_keep_their_ids_although_frames_are_rare(period):
    finder = FaceFinder(HaarDetector())
    for index, (_, pair, _) in enumerate(stream(6)):
        (track,) = finder.find(pair.ir, pair.vis, round(index * period * 1e9))
        assert track.face_id == 'face-1' and track.detected


def test_an_id_can_be_retired_at_once():
    finder = FaceFinder(HaarDetector(), max_lost=0.0)
    frames = list(stream(8))
    for stamp, pair, _ in frames:
        (track,) = finder.find(pair.ir, pair.vis, stamp)
        assert track.face_id == 'face-1'
    stamp, pair, _ = frames[-1]
    empty = np.zeros_like(np.asarray(pair.ir))
    for index in (1, 2):
        assert finder.find(empty, None, stamp + index * 10**8) == []


def test_a_gap_is_no_reason_to_search_everything_and_so_make_the_next_one():
    detector = Counting()
    finder = FaceFinder(detector)
    spent = []
    stamp = 0
    for (_, pair, _), gap in zip(
        stream(10), [0, 33, 33, 250, 250, 250, 450, 33, 1000, 33], strict=True
    ):
        before = detector.pixels
        stamp += gap * 1_000_000
        finder.find(pair.ir, pair.vis, stamp)
        spent.append(detector.pixels - before)
    assert max(spent[3:6]) < spent[0] / 2
    assert spent[6] < 0.8 * spent[0] <= spent[8]


def test_a_new_face_is_confirmed_and_a_known_one_is_not():
    class Doubting(HaarDetector):
        asked = 0

        def confirm(self, image, face):
            self.asked += 1
            return False

    detector = Doubting()
    finder = FaceFinder(detector)
    for stamp, pair, _ in stream(12):
        assert finder.find(pair.ir, pair.vis, stamp) == []
    assert detector.asked > 1
    real = HaarDetector()
    _, pair, _ = next(stream(1))
    (face,) = real.detect_in(pair.vis, (0, 0, 640, 480), (50.0, 80.0))
    assert real.confirm(pair.vis, face)
    assert not real.confirm(pair.vis, face.moved(0, 150))


@pytest.mark.parametrize(('rate', 'speed'), [(30, 500), (15, 250), (15, 500)])
@pytest.mark.parametrize('light', [1.0, 0.01])
def test_faces_keep_their_ids_while_the_robot_turns_its_head(light, rate, speed):
    finder = FaceFinder(HaarDetector())
    ids, seen = set(), []
    step = 30 // rate
    for index, (stamp, pair, _) in enumerate(stream(60, light=light, sway=0.0)):
        if index % step:
            continue
        t = index / 30
        # To and fro, to the given speed in pixels per second at most, from the second half on.
        turned = 0 if t < 1 else speed / 6 * np.sin(6 * (t - 1))
        shift = np.float32([[1, 0, turned], [0, 1, 0]])
        images = [
            cv2.warpAffine(each, shift, (640, 480), borderMode=cv2.BORDER_REFLECT)
            for each in (pair.ir, pair.vis)
        ]
        tracks = finder.find(*images, stamp)
        ids |= {track.face_id for track in tracks}
        seen += [abs(track.box[0] + track.box[2] / 2 - 320 - turned) < 30 for track in tracks]
    assert ids == {'face-1'}
    assert len(seen) == 2 * rate and all(seen)


def test_the_image_of_another_side_is_no_turn_of_the_head():
    finder = FaceFinder(HaarDetector())
    for index, (stamp, pair, _) in enumerate(stream(12, distance=1.5, sway=0.0)):
        # As of a lens that sees everything 60 pixels further left, from the sixth frame on.
        images = [np.roll(each, -60 * (index >= 6), axis=1) for each in (pair.ir, pair.vis)]
        if index == 6:
            finder.move(lambda _: (-60.0, 0.0))
        (track,) = finder.find(*images, stamp)
        if index == 5:
            before = track.box
    assert track.face_id == 'face-1'
    assert track.box[0] == pytest.approx(before[0] - 60, abs=5)
