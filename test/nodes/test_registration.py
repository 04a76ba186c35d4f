"""The registration node in a process of its own: which images end up as a pair."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.messages.camera_info import camera_info_to_model
from fer_fusion_ros.messages.image import image_to_array
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.synchronisation import Frame, Synchroniser


@pytest.fixture
def pairs(start_node, make_feeder, record, spin_until, lossless):
    """Return the feeder, the node and what it publishes of each side, once it runs."""
    feeder = make_feeder()
    outputs = {
        (side, band): record(Image, f'/fer/{side}/{band}/image_registered')
        for side in ('left', 'right')
        for band in ('ir', 'vis')
    }
    infos = record(CameraInfo, '/fer/left/camera_info')
    settings = ('-p', 'residual_period:=0', '-p', 'plane_distance:=2.0')
    node = start_node('registration', *settings, *lossless)
    feeder.warm_up(spin_until, *outputs.values(), infos)
    return feeder, node, outputs, infos


def numbered(number):
    """Return a change that fills an image with a number."""

    def change(lens, message):
        message.data = bytes([number]) * len(message.data)

    return change


def number_of(message):
    """Return the number in an image, by its centre: the warp may leave the border dark."""
    return int(np.median(image_to_array(message, 'mono8')[200:280, 280:360]))


def test_pairs_under_jitter_and_drops(pairs, record, spin_until):
    feeder, _, outputs, infos = pairs
    ir_infos = record(CameraInfo, '/fer/left/ir/camera_info')
    rng = np.random.default_rng(0)
    lenses = list(feeder._images)
    synchroniser = Synchroniser(lenses, lossy=True)
    complete, stamps, sets = [], {}, []
    for index in range(40):
        number = 10 + 5 * index
        sent = [lens for lens in lenses if rng.random() > 0.1]
        offsets = {lens: rng.uniform(-0.008, 0.008) for lens in lenses}
        rng.shuffle(sent)
        stamp = feeder.send(index / 30, sent, offsets, change=numbered(number), shown=0.0)
        for lens in sent:
            of_lens = feeder.start_ns + round((index / 30 + offsets[lens]) * 1e9)
            sets += synchroniser.add(Frame(lens, of_lens, np.array(number)))
        if len(sent) == 4:
            complete.append(number)
            stamps[number] = stamp
        spin_until(lambda: False, 0.03)
    spin_until(lambda: False, 0.5)
    numbers = [{int(frame.image) for frame in each.frames.values()} for each in sets]
    assert all(len(each) == 1 for each in numbers)
    whole = [*zip(numbers, [len(each.frames) for each in sets], strict=True)]
    assert [number for (number,), count in whole if count == 4] == complete
    for (side, band), images in outputs.items():
        of_lens = [int(s.image(lens)) for s in sets if (lens := f'{band}_{side}') in s.frames]
        assert [number_of(message) for message in images] == of_lens
        assert {*complete} < {*of_lens}
        assert {message.header.frame_id for message in images} == {f'vis_{side}_optical'}
        assert {(message.height, message.width) for message in images} == {(480, 640)}
    for side in ('left', 'right'):
        ir, vis = (
            {number_of(message): message.header for message in outputs[side, band]}
            for band in ('ir', 'vis')
        )
        assert all(ir[number] == vis[number] for number in ir.keys() & vis.keys())
    for message in outputs['left', 'vis']:
        if (number := number_of(message)) in stamps:
            assert stamp_to_ns(message.header.stamp) == stamps[number]
    assert len(infos) == sum(bool({'ir_left', 'vis_left'} & {*each.frames}) for each in sets)
    assert infos[-1].p[0] > 0
    assert not any(infos[-1].d)
    # The infrared lens is 25 mm above the visible one, which is made up for at plane_distance.
    vis, ir = (camera_info_to_model(each[-1], 'x').P for each in (infos, ir_infos))
    assert vis[:2] @ (0.1, 0.1, 2.0, 1.0) == pytest.approx(ir[:2] @ (0.1, 0.1, 2.0, 1.0))
    assert np.abs(vis - ir).max() > 1


def test_a_dead_lens_is_left_out_and_taken_back(pairs, spin_until):
    feeder, node, outputs, _ = pairs

    def play(frames, lenses):
        for index in frames:
            feeder.send(index / 30, lenses, shown=0.0)
            spin_until(lambda: False, 0.03)

    def forget():
        spin_until(lambda: False, 0.3)
        for messages in outputs.values():
            messages.clear()

    lenses = list(feeder._images)
    rest = [lens for lens in lenses if lens != 'ir_right']
    play(range(10), lenses)
    play(range(10, 30), rest)
    forget()
    play(range(30, 40), rest)
    spin_until(lambda: False, 0.3)
    counts = {name: len(messages) for name, messages in outputs.items()}
    assert counts == {
        ('left', 'ir'): 10,
        ('left', 'vis'): 10,
        ('right', 'ir'): 0,
        ('right', 'vis'): 10,
    }
    node.wait_for('/fer/ir_right/image_raw is silent, going on without it')
    play(range(40, 60), lenses)
    assert outputs['right', 'ir']
    node.wait_for('/fer/ir_right/image_raw is back')


def test_a_lens_with_a_wrong_clock_is_told_and_left_out(pairs, spin_until):
    feeder, node, outputs, _ = pairs
    for index in range(30):
        feeder.send(index / 30, offsets={'ir_right': 2.0}, shown=0.0)
        spin_until(lambda: False, 0.03)
    node.wait_for(
        "/fer/ir_right/image_raw: its stamps are 2.00 s ahead of the other lenses', going on "
        'without it; set the clock'
    )
    assert outputs['left', 'ir'] and outputs['right', 'vis']


def test_images_that_never_belong_together_are_told(pairs, spin_until):
    feeder, node, *_ = pairs
    late = dict.fromkeys(('vis_left', 'vis_right'), 0.033)
    for index in range(30):
        feeder.send(index / 15, offsets=late, shown=0.0)
        spin_until(lambda: False, 0.06)
    node.wait_for('33 ms apart or more, but tolerance is 0.02 s')


def test_lenses_can_be_exchanged_by_remapping(
    start_node, make_feeder, record, spin_until, lossless
):
    feeder = make_feeder()
    swapped = [
        rule
        for own, other in (('left', 'right'), ('right', 'left'))
        for topic in ('image_raw', 'camera_info')
        for rule in ('-r', f'vis_{own}/{topic}:=/fer/vis_{other}/{topic}')
    ]
    output = record(Image, '/fer/left/vis/image_registered')
    info = record(CameraInfo, '/fer/left/camera_info')
    start_node('registration', '-p', 'residual_period:=0', *swapped, *lossless)
    feeder.warm_up(spin_until, output, info)

    def change(lens, message):
        numbered(150 if lens == 'vis_right' else 50)(lens, message)

    feeder.send(1.0, change=change)
    spin_until(lambda: bool(output and info), 5.0)
    assert number_of(output[-1]) == 150
    # The calibration came with the image.
    assert info[-1].header.frame_id == 'vis_right_optical'


@pytest.mark.parametrize('executable', ['registration', 'pipeline'])
def test_calibration_files_replace_camera_info(
    start_node, make_feeder, record, spin_until, tmp_path, executable
):
    feeder = make_feeder()
    for lens in LENSES:
        model = feeder.rig.camera_model(lens)
        replace(model, P=np.diag([0.8, 0.8, 1.0]) @ model.P).to_yaml(tmp_path / f'{lens}.yaml')
    visible = record(Image, '/fer/left/vis/image_registered')
    infrared = record(Image, '/fer/left/ir/image_registered')
    infos = record(CameraInfo, '/fer/left/camera_info')
    start_node(executable, '-p', f'camera_info_url:=file://{tmp_path}/{{lens}}.yaml')
    frames = itertools.count()

    def of_the_robot(lens, message):
        message.header.frame_id = f'robot/{lens}'

    def send(lenses=LENSES):
        return feeder.send(next(frames) / 20, lenses, change=of_the_robot, shown=0.0)

    assert spin_until(lambda: send() and infos and infrared and visible, 30)
    assert infos[0].p[0] == pytest.approx(0.8 * feeder.rig.camera_model('vis_left').P[0, 0])
    # The infrared image is on the visible lens's grid, also while that lens is silent.
    rest = [lens for lens in LENSES if lens != 'vis_left']
    last = stamp_to_ns(visible[-1].header.stamp) + 500_000_000
    assert spin_until(lambda: send(rest) and stamp_to_ns(infrared[-1].header.stamp) > last, 30)
    frame_ids = {message.header.frame_id for message in [*visible, *infrared, *infos]}
    assert frame_ids == {'robot/vis_left'}


def test_a_calibration_file_that_is_missing_ends_it(start_node, tmp_path):
    node = start_node('registration', '-p', f'camera_info_url:={tmp_path}/{{lens}}.yaml')
    assert node.wait(20) == 1
    assert f'cannot read the calibration file {tmp_path}/ir_left.yaml' in node.output
    assert 'Traceback' not in node.output


def test_images_are_read_only_while_somebody_looks(start_node, make_feeder, record, spin_until):
    feeder = make_feeder()
    status = record(DiagnosticArray, '/diagnostics')
    node = start_node('registration')
    feeder.wait_for_listeners()
    frames = itertools.count()

    def spoil(lens, message):
        message.step = 3

    def send():
        feeder.send(next(frames) / 20, change=spoil, shown=0.0)
        values = {v.key: v.value for array in status for s in array.status for v in s.values}
        return int(values.get('sets processed', 0)), int(values.get('images refused', 0))

    assert spin_until(lambda: send()[0] > 20, 30)
    assert send()[1] == 0 and 'field step is 3' not in node.output
    record(Image, '/fer/left/vis/image_registered')
    assert spin_until(lambda: send()[1] > 0, 30)
    node.wait_for('field step is 3')
