import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from fer_fusion_ros.exceptions import ConfigurationError
from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.expression.labels import LABELS
from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig.simulated_rig import SimulatedRig
from fer_fusion_ros.pipeline import Pipeline, PipelineSettings, draw_overlay
from fer_fusion_ros.pipeline.overlay import COLOURS
from fer_fusion_ros.pipeline.settings import CHOICES, RANGES
from fer_fusion_ros.synchronisation import Frame, FrameSet


def frame_sets(rig, count, lenses=LENSES):
    for index in range(count):
        t = index / 30
        yield FrameSet.of(
            *(
                Frame(lens, round(t * 1e9) + 1000 * i, rig.render(lens, t), f'{lens}_optical')
                for i, lens in enumerate(lenses)
            )
        )


@pytest.mark.parametrize('light', [1.0, 0.02])
def test_names_the_smile_of_the_astronaut(light):
    rig = SimulatedRig(light=light)
    models = {lens: rig.camera_model(lens) for lens in LENSES}
    pipeline = Pipeline(PipelineSettings(threads=1), models)
    for frame_set in frame_sets(rig, 15):
        result = pipeline.process(frame_set)
        (face,) = result.faces
        assert face.face_id == 'face-1' and face.modality is Modality.FUSED
    assert LABELS[face.category] == 'happy'
    assert face.illumination < 0.35 if light < 1 else face.illumination > 0.4

    # Stamps and frames are those of the visible lenses.
    assert result.stamp_ns == result.stamps['left'] == frame_set.frames['vis_left'].stamp_ns
    assert result.stamps['right'] == frame_set.frames['vis_right'].stamp_ns
    assert result.frame_ids == {'left': 'vis_left_optical', 'right': 'vis_right_optical'}
    image, modality = result.fused('left')
    assert image.shape == (480, 640, 3) and modality is Modality.FUSED
    assert result.fused('left')[0] is image

    overlay = draw_overlay(image, result.faces)
    x, y, width, height = (round(value) for value in face.box)
    changed = (overlay != image).any(axis=2)
    assert changed[y, x : x + width].all() and changed[y + height, x : x + width].all()
    assert not changed[:60].any()


def test_draws_on_grey_and_at_the_border():
    rig = SimulatedRig()
    pipeline = Pipeline(PipelineSettings(threads=1))
    (face,) = pipeline.process(next(iter(frame_sets(rig, 1)))).faces
    moved = type(face)(**{**vars(face), 'box': (600.0, 450.0, 60.0, 60.0)})
    assert draw_overlay(np.zeros((480, 640), np.uint8), [moved]).shape == (480, 640, 3)


@pytest.mark.parametrize(
    ('corner', 'place'),
    [((200, 150), (266, 150)), ((575, 440), (552, 403)), ((-30, -20), (36, 0))],
    ids=['beside the face', 'within the right lower corner', 'within the left upper corner'],
)
def test_bars_are_as_long_as_the_expressions_are_probable(corner, place):
    probabilities = np.float32([0.5, 0.25, 0.15, 0.1, 0, 0, 0])
    given = {'probabilities': probabilities, 'raw_probabilities': probabilities[::-1]}
    face = FaceExpression('face-1', 'left', (*corner, 60, 60), (640, 480), None, 3.0, **given)
    drawn = draw_overlay(np.zeros((480, 640), np.uint8), [face])
    x, y = place
    lengths = [
        (drawn[y + 11 * row + 5, x : x + 41] == colour).all(axis=1).sum()
        for row, colour in enumerate(COLOURS)
    ]
    assert lengths == pytest.approx(40 * probabilities, abs=1)


def test_a_side_without_images_is_absent():
    rig = SimulatedRig()
    pipeline = Pipeline(PipelineSettings(threads=1))
    (frame_set,) = frame_sets(rig, 1, ('ir_right',))
    result = pipeline.process(frame_set)
    assert list(result.pairs) == ['right'] and result.frame_ids == {'right': 'ir_right_optical'}
    assert result.fused('right')[1] is Modality.INFRARED
    with pytest.raises(KeyError):
        result.fused('left')


def test_settings_say_what_is_wrong():
    with pytest.raises(ConfigurationError, match=r'min_confidence is 1\.5; give 0\.0 to 1\.0'):
        PipelineSettings(min_confidence=1.5)
    with pytest.raises(ConfigurationError, match=r'detector is .hair.; choose one of haar, yunet'):
        PipelineSettings(detector='hair')
    for name, value, range_ in (
        ('plane_distance', '3', '0.3 to 30.0'),
        ('plane_distance', float('nan'), '0.3 to 30.0'),
        ('max_lost', True, '0.0 to 10.0'),
        ('threads', 2.5, 'a whole number from 0 to 64'),
        ('threads', None, 'a whole number from 0 to 64'),
        ('max_views', True, 'a whole number from 1 to 64'),
    ):
        with pytest.raises(ConfigurationError, match=f'{name} is {value!r}; give {range_}'):
            PipelineSettings(**{name: value})
    assert PipelineSettings(plane_distance=3, threads=np.int64(2)).threads == 2
    numeric = {f.name for f in fields(PipelineSettings) if not isinstance(f.default, str)}
    assert numeric == set(RANGES)
    assert set(CHOICES) < {f.name for f in fields(PipelineSettings)} - numeric


def test_the_core_needs_neither_ros_nor_torch():
    # Where message_filters is installed the synchroniser uses it, and that imports rclpy.
    code = (
        'import sys; sys.modules["message_filters"] = None;'
        'import fer_fusion_ros.pipeline as p; p.Pipeline();'
        'bad = {"torch", "rclpy", "sensor_msgs", "matplotlib"} & set(sys.modules);'
        'sys.exit(", ".join(bad) or 0)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('size', [(1, 1), (3, 400), (33, 20)])
def test_images_too_small_for_a_face_show_nobody(size):
    pipeline = Pipeline(PipelineSettings(threads=1))
    images = {lens: np.full(size if 'ir' in lens else (*size, 3), 90, np.uint8) for lens in LENSES}
    for stamp in (0, 10**8):
        frames = (Frame(lens, stamp, image, lens) for lens, image in images.items())
        result = pipeline.process(FrameSet.of(*frames))
        assert result.faces == []
        image, _ = result.fused('left')
        assert image.shape == (*size, 3)


def test_the_frame_stays_that_of_the_grid_while_the_visible_lens_is_missing():
    rig = SimulatedRig()
    models = {lens: replace(rig.camera_model(lens), frame_id=f'{lens}_optical') for lens in LENSES}
    infrared = ('ir_left', 'ir_right')
    (frame_set,) = frame_sets(rig, 1, infrared)
    result = Pipeline(PipelineSettings(threads=1), models).process(frame_set)
    assert result.frame_ids == {'left': 'vis_left_optical', 'right': 'vis_right_optical'}
    alone = {lens: models[lens] for lens in infrared}
    result = Pipeline(PipelineSettings(threads=1), alone).process(frame_set)
    assert result.frame_ids == {'left': 'ir_left_optical', 'right': 'ir_right_optical'}
    (face,) = result.faces
    assert face.distance == pytest.approx(3.0, abs=0.15)


def test_each_setting_reaches_what_it_is_for():
    settings = PipelineSettings(
        plane_distance=2.0,
        residual_period=11,
        threads=1,
        min_face=55.0,
        detect_every=5,
        search_every=7,
        max_lost=1.25,
        time_constant=1.5,
        min_confidence=0.7,
        max_views=9,
    )
    pipeline = Pipeline(settings)
    registrar, recogniser = pipeline.registrar, pipeline.recogniser
    finder = recogniser.finder
    assert registrar._plane_distance == 2.0
    assert registrar._residual_period == 11
    assert (finder._detect_every, finder._search_every) == (5, 7)
    assert finder._detector.min_size == 55.0
    assert finder._tracker._max_lost_ns == 1_250_000_000
    assert recogniser._smoother._time_constant == 1.5
    assert (recogniser._min_confidence, recogniser._max_views) == (0.7, 9)


def test_distance_is_along_the_line_of_sight():
    rig = SimulatedRig(people=3, sway=0.0, distance=2.0)
    pipeline = Pipeline(
        PipelineSettings(threads=1), {lens: rig.camera_model(lens) for lens in LENSES}
    )
    faces = [pipeline.process(frame_set).faces for frame_set in frame_sets(rig, 12)][-1]
    assert len(faces) == 3
    for face in faces:
        assert face.distance == pytest.approx(float(np.linalg.norm(face.position)))
    # Those at the sides are farther than their z tells.
    assert max(face.distance - face.position[2] for face in faces) > 0.03
