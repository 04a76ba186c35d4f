"""The drawings of a run show what is in it."""

import cv2
import numpy as np
import pytest

from fer_fusion_ros.demo.board import LABEL_INKS, MODALITY_INKS, Board
from fer_fusion_ros.demo.canvas import Canvas
from fer_fusion_ros.demo.moment import Moment, Reading
from fer_fusion_ros.demo.video_file import VideoFile
from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.fusion.modality import Modality

pytest.importorskip('matplotlib')
DURATION = 4.0


def reading(time: float, label: str = 'happy', modality: Modality = Modality.FUSED) -> Reading:
    probabilities = np.full(7, 0.05)
    probabilities[LABELS.index(label)] = 0.7
    return Reading(
        time, label, 0.7, probabilities, modality, 0.5, 0.02, 3.0, 'left', (300, 200, 50, 50)
    )


def moment(time: float, now: Reading | None) -> Moment:
    lenses = {
        'ir_left': np.full((480, 640), 120, np.uint8),
        'ir_right': np.full((480, 640), 120, np.uint8),
        'vis_left': np.full((480, 640, 3), (10, 20, 200), np.uint8),
    }
    faces = {'infrared': np.full((60, 60), 90, np.uint8), 'visible': None}
    return Moment(time, lenses, faces, now, 0.5)


def area_of(image: np.ndarray, ink: tuple[int, int, int]) -> int:
    return int(np.all(image == ink, axis=-1).sum())


@pytest.fixture
def board() -> Board:
    dark = [reading(t, 'sad', Modality.INFRARED) for t in np.arange(2, DURATION, 0.1)]
    return Board([reading(t) for t in np.arange(0, 2, 0.1)] + dark, DURATION)


def test_a_frame_shows_the_lenses_and_the_expression(board):
    image = board.frame(moment(1.0, reading(1.0)))
    assert image.shape == (720, 1280, 3)
    # The left visible lens fills its tile, and the right one is missing.
    assert area_of(image, (10, 20, 200)) > 0.9 * 320 * 240
    bars = image[:560, 700:]
    assert area_of(bars, LABEL_INKS['happy']) > 10 * area_of(bars, LABEL_INKS['sad'])
    assert area_of(bars, MODALITY_INKS[Modality.FUSED]) > 500
    assert area_of(bars, MODALITY_INKS[Modality.INFRARED]) == 0


def test_the_timeline_grows_with_time(board):
    early, late = (board.frame(moment(t, reading(t)))[590:, :] for t in (1.0, 3.9))
    assert area_of(late, LABEL_INKS['happy']) > 1.5 * area_of(early, LABEL_INKS['happy'])
    assert area_of(early, LABEL_INKS['sad']) < 0.3 * area_of(late, LABEL_INKS['sad'])
    assert area_of(early, MODALITY_INKS[Modality.INFRARED]) == 0
    assert area_of(late, MODALITY_INKS[Modality.INFRARED]) > 3000


def test_the_timeline_begins_with_the_recording():
    readings = [reading(t) for t in np.arange(0, DURATION, 0.1)]
    late, whole = (
        Board(readings, DURATION, begin).frame(moment(2.5, reading(2.5)))[590:, :]
        for begin in (1.0, 0.0)
    )
    # At 2.5 s, half of the seconds from 1 to 4 are over, and of those from 0 to 4 five eighths.
    areas = [area_of(image, MODALITY_INKS[Modality.FUSED]) for image in (late, whole)]
    assert areas[0] == pytest.approx((1 / 2) / (5 / 8) * areas[1], rel=0.02)


def test_nobody_is_shown_as_nobody():
    image = Board([], DURATION).frame(moment(1.0, None))
    assert not any(area_of(image[:560, 700:], ink) for ink in LABEL_INKS.values())


def test_a_picture_has_a_column_per_moment(board):
    columns = [('light', moment(1.0, reading(1.0))), ('dark', moment(3.0, reading(3.0, 'sad')))]
    image = board.picture(columns)
    half = image.shape[1] // 2
    for part, label in ((image[700:950, :half], 'happy'), (image[700:950, half:], 'sad')):
        strongest = max(LABELS, key=lambda name: area_of(part, LABEL_INKS[name]))
        assert strongest == label


def test_letters_are_drawn_at_their_place():
    canvas = Canvas(200, 60, (0, 0, 0))
    width = canvas.text(190, 40, 'happy', 20, (255, 255, 255), align='right')
    rows, columns = np.nonzero(canvas.image[..., 0] > 128)
    assert 190 - width <= columns.min()
    assert columns.max() <= 190
    assert rows.max() > 40  # the tails of p and y
    # Partly outside is cut off, not an error.
    canvas.text(-10, 5, 'happy', 20, (255, 255, 255))
    canvas.text(190, 62, 'happy', 20, (255, 255, 255))


@pytest.mark.parametrize('ffmpeg', [True, False])
def test_a_video_holds_its_frames(tmp_path, monkeypatch, ffmpeg):
    if ffmpeg:
        pytest.importorskip('imageio_ffmpeg')
    else:
        monkeypatch.setitem(__import__('sys').modules, 'imageio_ffmpeg', None)
    path = tmp_path / 'video.mp4'
    with VideoFile(path, (320, 240), 10.0) as video:
        for i in range(12):
            video.write(np.full((240, 320, 3), (0, 0, 20 * i), np.uint8))
    reader = cv2.VideoCapture(str(path))
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    reds = []
    while (read := reader.read())[0]:
        reds.append(float(read[1][..., 2].mean()))
    assert len(reds) == 12
    assert reds == pytest.approx([20 * i for i in range(12)], abs=6)
