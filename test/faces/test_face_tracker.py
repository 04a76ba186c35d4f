import numpy as np
import pytest

from fer_fusion_ros.faces import Detection, FaceTracker
from fer_fusion_ros.faces.track import SURE

FRAME = 33_333_333


def face(x, y=100.0, size=50.0):
    return Detection((x - size / 2, y - size / 2, size, size), 1.0)


def centre(track):
    return track.box[0] + track.box[2] / 2


def test_one_face_keeps_its_id_while_it_moves():
    tracker = FaceTracker()
    rng = np.random.default_rng(0)
    for frame in range(90):
        x = 100 + 5 * frame
        (track,) = tracker.update([face(x + rng.normal(0, 1.5))], frame * FRAME)
        assert track.face_id == 'face-1' and track.detected
        assert centre(track) == pytest.approx(x, abs=6)


def test_two_faces_that_cross_keep_their_ids():
    tracker = FaceTracker()
    for frame in range(100):
        left, right = face(100 + 4 * frame, 100), face(500 - 4 * frame, 150)
        tracks = tracker.update([right, left] if frame % 2 else [left, right], frame * FRAME)
        assert len(tracks) == 2
        places = {track.face_id: centre(track) for track in tracks}
        if frame == 0:
            ids = ['face-1', 'face-2']
        assert places[ids[0]] == pytest.approx(100 + 4 * frame, abs=5)
        assert places[ids[1]] == pytest.approx(500 - 4 * frame, abs=5)


def test_an_id_survives_a_short_loss_on_the_move():
    tracker = FaceTracker(max_lost=0.7)
    for frame in range(20):
        tracker.update([face(100 + 4 * frame)], frame * FRAME)
    for frame in range(20, 36):
        tracks = tracker.update([], frame * FRAME)
        # Reported for 0.3 s; then only the id is kept.
        assert [track.detected for track in tracks] == ([False] if frame <= 28 else [])
    (track,) = tracker.update([face(100 + 4 * 36)], 36 * FRAME)
    assert track.face_id == 'face-1' and track.detected


def test_an_id_is_retired_after_a_long_loss():
    tracker = FaceTracker(max_lost=0.7)
    for frame in range(3):
        tracker.update([face(100)], frame * FRAME)
    assert tracker.update([face(100)], 2 * FRAME + 800_000_000) == []
    (track,) = tracker.update([face(100)], 3 * FRAME + 800_000_000)
    assert track.face_id == 'face-2'


def test_a_new_face_is_told_while_it_is_seen_and_held_once_it_is_sure():
    tracker = FaceTracker()
    for frame in range(1, SURE + 1):
        (track,) = tracker.update([face(100)], 2 * frame * FRAME)
        assert track.face_id == 'face-1' and track.sightings == frame
        unseen = tracker.update([], (2 * frame + 1) * FRAME)
        assert [each.detected for each in unseen] == ([False] if frame == SURE else [])


def test_what_is_seen_in_one_frame_alone_is_not_told():
    tracker = FaceTracker()
    for frame in range(6):
        tracker.update([face(100)], frame * FRAME)
    assert len(tracker.update([face(100), face(400)], 6 * FRAME)) == 1
    assert [len(tracker.update([face(100)], frame * FRAME)) for frame in range(7, 40)] == [1] * 33
    # It has taken no id from one that is seen again.
    tracker.update([face(100), face(600)], 40 * FRAME)
    tracks = tracker.update([face(100), face(601)], 41 * FRAME)
    assert [track.face_id for track in tracks] == ['face-1', 'face-2']


def test_a_gap_gives_no_id_to_what_is_not_seen_again():
    tracker = FaceTracker()
    for frame in range(6):
        tracker.update([face(100)], frame * FRAME)
    tracker.update([face(100), face(400)], 6 * FRAME)
    for stamp in (9 * FRAME, 12 * FRAME):
        assert len(tracker.update([face(100)], stamp)) == 1
    for stamp in (13 * FRAME, 14 * FRAME):
        tracks = tracker.update([face(100), face(600)], stamp)
    assert [track.face_id for track in tracks] == ['face-1', 'face-2']


def test_where_frames_are_rare_a_face_is_told_at_once():
    tracker = FaceTracker()
    for index in range(4):
        tracks = tracker.update([face(100 + 100 * n) for n in range(index)], index * 200_000_000)
        assert [track.face_id for track in tracks] == [f'face-{n + 1}' for n in range(index)]


def test_a_face_of_another_size_is_another_face():
    tracker = FaceTracker()
    for frame in range(SURE):
        tracker.update([face(100, size=50)], frame * FRAME)
    for frame in range(SURE, SURE + 2):
        tracks = tracker.update([face(100, size=120)], frame * FRAME)
    assert [(track.face_id, track.detected) for track in tracks] == [
        ('face-1', False),
        ('face-2', True),
    ]


def known(*places):
    """Return a tracker that is sure of faces at these places."""
    tracker = FaceTracker()
    for frame in range(SURE):
        tracker.update([face(x) for x in places], frame * FRAME)
    return tracker


@pytest.mark.parametrize(('x', 'seen'), [(120, [True, False]), (130, [False, True])])
def test_a_detection_is_of_the_nearest_face_alone(x, seen):
    tracks = known(100, 150).update([face(x)], SURE * FRAME)
    assert [track.detected for track in tracks] == seen


@pytest.mark.parametrize('places', [(130, 105), (105, 130)])
def test_a_face_is_at_the_nearest_detection(places):
    (track,) = known(100).update([face(x) for x in places], SURE * FRAME)
    assert track.detected and centre(track) == pytest.approx(104, abs=2)


@pytest.mark.parametrize(('shift', 'same'), [(30, True), (-40, False)])
def test_what_is_too_far_away_is_another_face(shift, same):
    (track,) = known(100).update([face(100 + shift)], SURE * FRAME)
    assert track.face_id == 'face-1' and track.detected == same


def test_prediction_goes_on_at_constant_velocity():
    tracker = FaceTracker()
    for frame in range(30):
        tracker.update([face(100 + 6 * frame)], frame * FRAME)
    (track,) = tracker.predict(32 * FRAME)
    assert not track.detected
    assert centre(track) == pytest.approx(100 + 6 * 32, abs=4)


def test_a_face_that_is_not_seen_comes_to_rest():
    tracker = FaceTracker(max_lost=5.0)
    for frame in range(30):
        tracker.update([face(100 + 6 * frame, 100 + 3 * frame)], frame * FRAME)
    *_, before = [tracker.predict(frame * FRAME)[0] for frame in range(30, 90)]
    *_, after = [tracker.predict(frame * FRAME)[0] for frame in range(90, 180)]
    # At 180 pixels per second for 0.2 s, then for 0.5 s ever more slowly; downwards half as fast.
    assert after.box[:2] == pytest.approx((274 - 25 + 36 + 90, 187 - 25 + 18 + 45), abs=8)
    assert before.box[:2] == pytest.approx(after.box[:2], abs=5)


def test_a_face_goes_on_where_it_is_in_another_image():
    tracker = FaceTracker()
    tracker.update([face(100), face(300)], 0)
    tracker.move(lambda box: (0.1 * box[0], -20.0))
    boxes = [track.box for track in tracker.predict(0)]
    assert boxes == [(82.5, 55.0, 50.0, 50.0), (302.5, 55.0, 50.0, 50.0)]


def test_no_id_is_given_twice_when_the_clock_jumps_back():
    tracker = FaceTracker()
    tracker.update([face(100), face(300)], 10 * FRAME)
    tracks = tracker.update([face(300)], 2 * FRAME)
    assert [track.face_id for track in tracks] == ['face-3']
    tracker.reset()
    tracks = tracker.update([face(300)], 3 * FRAME)
    assert [track.face_id for track in tracks] == ['face-1']
