"""The pipeline node in a process of its own, over DDS."""

import math
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import SimulatedRig
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.msg import ExpressionArray, ExpressionStamped


@pytest.fixture
def pipeline(start_node, make_feeder, record, spin_until):
    """Return a function that starts a pipeline and returns its feeder, output and process."""

    def start(*ros_arguments, **rig):
        feeder = make_feeder(**rig)
        arrays = record(ExpressionArray, '/fer/expressions')
        node = start_node('pipeline', *ros_arguments)
        feeder.warm_up(spin_until, arrays)
        return feeder, arrays, node

    return start


def test_expressions_carry_the_stamp_and_frame_of_the_visible_lens(pipeline, record, spin_until):
    feeder, arrays, node = pipeline()
    singles = record(ExpressionStamped, '/fer/expression')
    offsets = {'ir_left': 0.004, 'ir_right': -0.003, 'vis_right': 0.002}
    stamps = []
    for index in range(8):
        stamps.append(feeder.send(index / 15, offsets=offsets))
        assert spin_until(lambda: len(arrays) > index, 5), node.output  # noqa: B023
    assert [stamp_to_ns(array.header.stamp) for array in arrays] == stamps
    assert {array.header.frame_id for array in arrays} == {'vis_left_optical'}
    last = arrays[-1].expressions[0]
    assert spin_until(lambda: last in singles)
    assert last.header == arrays[-1].header
    assert last.lenses == 15
    assert last.modality == ExpressionStamped.FUSED
    assert last.distance == pytest.approx(3.0, abs=0.4)
    assert last.model.startswith('fusion-')
    assert math.isclose(sum(last.expression.probabilities), 1.0, abs_tol=1e-4)
    # A jump of the clock back: the same faces, as if nothing had been before, but for their ids.
    first = [array.expressions for array in arrays]
    arrays.clear()
    for index in range(8):
        feeder.send(index / 15, offsets=offsets)
        assert spin_until(lambda: len(arrays) > index, 5), node.output  # noqa: B023
    ((old,),) = {tuple(face.face_id for face in faces) for faces in first}
    ((new,),) = {tuple(face.face_id for face in array.expressions) for array in arrays}
    assert int(new.removeprefix('face-')) == int(old.removeprefix('face-')) + 1
    for before, after in zip(first, arrays, strict=True):
        assert _probabilities(before) == pytest.approx(_probabilities(after.expressions), abs=1e-6)
    assert 'jumped back' in node.output


def test_a_moment_is_read_by_the_lenses_whose_images_came(pipeline, spin_until):
    feeder, arrays, node = pipeline()
    lost = {10: 'ir_left', 15: 'vis_left', 19: 'ir_right', 23: 'vis_right'}
    stamps = []
    for index in range(26):
        lenses = [lens for lens in LENSES if lens != lost.get(index)]
        stamps.append(feeder.send(index / 15, lenses, shown=0.0))
        # What lacks a lens waits for the next.
        count = len(stamps) - (index in lost)
        assert spin_until(lambda: len(arrays) == count, 5), node.output  # noqa: B023
    assert [stamp_to_ns(array.header.stamp) for array in arrays] == stamps
    bits = {'ir_left': 1, 'ir_right': 2, 'vis_left': 4, 'vis_right': 8}
    for index, array in enumerate(arrays):
        (face,) = array.expressions
        assert face.face_id == arrays[0].expressions[0].face_id
        assert face.lenses == 15 - bits.get(lost.get(index), 0)
    assert 'silent' not in node.output


def test_nobody_is_an_empty_array_and_bad_images_do_no_harm(pipeline, spin_until):
    feeder, arrays, node = pipeline()

    def blank(lens, message):
        message.data = bytes(len(message.data))

    def spoil(lens, message):
        blank(lens, message)
        message.step = 3

    def send(t, change):
        count = len(arrays)
        feeder.send(t, change=change, shown=0.0)
        assert spin_until(lambda: len(arrays) > count, 5), node.output

    for index in range(3):
        send(index / 30, blank)
    assert [array.expressions for array in arrays] == [[], [], []]

    # All images of a set are unreadable: nothing can come of it, and the next set is fine.
    feeder.send(3 / 30, change=spoil, shown=0.0)
    send(4 / 30, blank)
    node.wait_for('/fer/vis_left/image_raw')
    assert 'field step is 3' in node.output
    assert 'Traceback' not in node.output

    # Only one of them is: the others carry on.
    feeder_count = len(arrays)
    feeder.send(
        5 / 30, change=lambda lens, message: spoil(lens, message) if lens == 'ir_left' else None
    )
    assert spin_until(lambda: len(arrays) > feeder_count, 5), node.output


def test_two_faces_keep_their_ids_while_they_move(pipeline, spin_until):
    feeder, arrays, node = pipeline(people=2, sway=0.15, dwell=60.0)
    for index in range(20):
        feeder.send(index / 12)
        assert spin_until(lambda: len(arrays) > index, 5), node.output  # noqa: B023
    seen = [array.expressions for array in arrays if len(array.expressions) == 2]
    assert len(seen) > 12
    ids = {face.face_id for faces in seen for face in faces}
    assert len(ids) == 2, ids
    for name in ids:
        lefts = [face.roi.x_offset for faces in seen for face in faces if face.face_id == name]
        assert max(lefts) - min(lefts) > 10
        assert all(abs(b - a) < 40 for a, b in pairwise(lefts))


# Both sides of four faces by the slower engine: no computer is fast enough for that on one thread.
SLOW = ('-p', 'engine:=onnxruntime', '-p', 'max_views:=8')


@pytest.mark.parametrize(('keep', 'more'), [('true', SLOW), ('false', SLOW), ('false', ())])
def test_a_processor_that_is_too_slow_reads_faces_in_turns(
    pipeline, record, spin_until, keep, more
):
    diagnostics = record(DiagnosticArray, '/diagnostics')
    feeder, arrays, node = pipeline(
        *('-p', 'threads:=1', '-p', f'keep_pace:={keep}', *more), people=4, dwell=60.0
    )
    # As fast as they go.
    for index in range(400):
        feeder.send(index / 200, shown=0.0)
        spin_until(lambda: False, 0.001)
    assert any(array.expressions for array in arrays), node.output
    followed = [
        (before, after)
        for one, other in pairwise(arrays)
        for before in one.expressions
        for after in other.expressions
        if before.face_id == after.face_id and not after.lenses
    ]
    if keep == 'false':
        assert not followed
        return
    assert followed
    for before, after in followed:
        assert after.expression == before.expression
        assert after.raw.label == 'uncertain'
    assert spin_until(lambda: _counted(diagnostics, 'faces only followed'))


def _counted(diagnostics, key):
    return any(
        pair.key == key and int(pair.value) > 0
        for each in diagnostics
        for status in each.status
        for pair in status.values
    )


def test_who_only_looks_does_not_slow_the_expressions(pipeline, record, spin_until):
    feeder, arrays, node = pipeline('-p', 'threads:=1')
    fused = record(Image, '/fer/left/fused/image')
    diagnostics = record(DiagnosticArray, '/diagnostics')
    feeder.send(0.0)
    assert spin_until(lambda: arrays and fused, 5), node.output
    # As fast as they go.
    index, end = 0, time.monotonic() + 3.5
    while time.monotonic() < end:
        index += 1
        feeder.send(index / 200, shown=0.0)
        spin_until(lambda: False, 0.001)
    # But at least one image per second, less what a busy machine takes.
    assert len(fused) >= 3
    assert spin_until(
        lambda: _counted(diagnostics, 'frames without images, as the next one waited')
    )
    assert len(fused) < len(arrays)


def test_four_nodes_give_what_the_pipeline_gives(start_node, make_feeder, record, spin_until):
    feeder = make_feeder()
    whole = record(ExpressionArray, '/whole/expressions')
    parts = record(ExpressionArray, '/fer/expressions')
    remaps = [
        word
        for lens in LENSES
        for topic in ('image_raw', 'camera_info')
        for word in ('-r', f'{lens}/{topic}:=/fer/{lens}/{topic}')
    ]
    start_node('pipeline', '-r', '__ns:=/whole', *remaps)
    start_node('registration')
    start_node('expression')
    feeder.warm_up(spin_until, whole, parts, count=2)
    for index in range(12):
        feeder.send(index / 30)
        assert spin_until(lambda: min(len(whole), len(parts)) > index, 5)  # noqa: B023
    assert any(array.expressions for array in whole)
    for one, other in zip(whole, parts, strict=True):
        assert one.header == other.header
        assert [face.face_id for face in one.expressions] == [
            face.face_id for face in other.expressions
        ]
        assert _probabilities(one.expressions) == pytest.approx(
            _probabilities(other.expressions), abs=1e-4
        )


def test_the_pipeline_can_read_the_lenses_itself(start_node, record, spin_until, tmp_path):
    (tmp_path / 'lenses.yaml').write_text(
        '/**/camera_array: {ros__parameters: {rig.fps: 10.0, rig.bad: 1}}'
    )
    arrays = record(ExpressionArray, '/fer/expressions')
    node = start_node(
        'pipeline',
        *('-r', '__node:=seer'),  # which must not rename the lenses' node
        *('-p', 'cameras:=true', '--params-file', str(tmp_path / 'lenses.yaml')),
    )
    assert "'rig.bad' is unknown to node 'camera_array'" in node.wait_for('rig.bad', 20)
    assert spin_until(lambda: any(each.expressions for each in arrays), 20), node.output
    face = next(each.expressions[0] for each in reversed(arrays) if each.expressions)
    assert face.lenses == 15
    assert face.distance == pytest.approx(3.0, abs=0.4)
    assert face.header.frame_id == 'vis_left_optical'
    latency = face.latency.sec + face.latency.nanosec * 1e-9
    assert 0.001 < latency < time.time() - stamp_to_ns(face.header.stamp) * 1e-9
    assert node.stop() == 0, node.output


def test_parameters_of_both_its_nodes_are_known(start_node):
    node = start_node(
        'pipeline',
        *('-p', 'cameras:=true', '-p', 'source:=rig', '-p', 'tolerance:=0.03', '-p', 'loup:=true'),
    )
    # After the parameters are checked.
    output = node.wait_for('simulated rig', 30)
    output = node.wait_for("'loup'")
    assert output.count('its value is ignored') == 1, output
    assert "did you mean 'loop'?" in output


@pytest.mark.parametrize('together', [True, False])
@pytest.mark.parametrize('height', [240, 180])
def test_calibrations_of_another_size_are_used_where_they_fit(
    start_node, record, spin_until, tmp_path, together, height
):
    rig = SimulatedRig(sway=0.0)
    for lens in LENSES:
        (tmp_path / lens).mkdir()
        rig.camera_model(lens).to_yaml(tmp_path / f'{lens}.yaml')
        image = cv2.resize(rig.render(lens, 0.0), (320, 240), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / lens / '0.png'), image[-height:])
    lenses = (
        *('-p', f'source:={tmp_path}/{{lens}}', '-p', 'min_face:=20.0', '-p', 'frame_rate:=10.0'),
        *('-p', f'camera_info_url:=file://{tmp_path}/{{lens}}.yaml'),
    )
    arrays = record(ExpressionArray, '/fer/expressions')
    if together:
        node = cameras = start_node('pipeline', '-p', 'cameras:=true', *lenses)
    else:
        cameras = start_node('camera_array', *lenses)
        node = start_node('pipeline', '-p', 'min_face:=20.0')
    assert spin_until(lambda: any(each.expressions for each in arrays), 30), node.output
    face = next(each.expressions[0] for each in arrays if each.expressions)
    if height == 240:
        assert face.distance == pytest.approx(3.0, abs=0.6)
        assert cameras.output.count('scaling it') == 4
    else:
        assert math.isnan(face.distance)
        assert cameras.output.count('of another shape; calibrate at that size') == 4


def test_compressed_images_are_read(start_node, record, spin_until):
    arrays = record(ExpressionArray, '/fer/expressions')
    start_node('camera_array', '-p', 'compressed:=true', '-p', 'rig.fps:=10.0')
    node = start_node('pipeline', '-p', 'image_transport:=compressed')
    assert spin_until(lambda: any(each.expressions for each in arrays), 20), node.output
    face = next(each.expressions[0] for each in reversed(arrays) if each.expressions)
    assert face.lenses == 15


def _probabilities(faces):
    return np.array([[*face.expression.probabilities, *face.raw.probabilities] for face in faces])


def test_results_are_in_the_frame_that_the_lens_was_given(start_node, record, spin_until):
    arrays = record(ExpressionArray, '/fer/expressions')
    start_node('pipeline', '-p', 'cameras:=true', '-p', 'vis_left.frame_id:=robot_camera')
    assert spin_until(lambda: any(array.expressions for array in arrays), 30)
    assert {array.header.frame_id for array in arrays} == {'robot_camera'}
