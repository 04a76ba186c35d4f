"""What a node says of its image sets and of the work on them."""

import logging
import re
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.time import Time
from rosgraph_msgs.msg import Clock

from fer_fusion_ros.expression.pace import Pace
from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.nodes.image_sets import START_UP, ImageSets, raw_topics
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.synchronisation import Frame

IMAGE = np.zeros((8, 8), np.uint8)


@pytest.fixture
def make_images(ros_context):
    made = []

    def make(work=lambda _: time.sleep(0.2), arguments=(), pace=None, **parameters):
        node = StageNode('slow', context=ros_context, cli_args=['--ros-args', *arguments])
        for name, value in parameters.items():
            node.declare_parameter(name, value)
        images = ImageSets(node, raw_topics, work, subscribe=False, pace=pace)
        made.append((node, images))
        return images

    yield make
    for node, images in made:
        images.close()
        node.destroy_node()


@pytest.mark.parametrize(
    ('parameters', 'depth', 'cure'),
    [
        ({}, 3, 'try fewer images per second'),
        ({'expression_weights': 'expression_stride2'}, 8, 'try fewer images per second'),
        ({'expression_weights': ''}, 3, 'try -p expression_weights:=expression_stride2, or fewer'),
    ],
)
def test_dropped_sets_are_reported_once_and_with_a_cure(make_images, parameters, depth, cure):
    images = make_images(arguments=['-p', f'queue_depth:={depth}'], **parameters)

    def drops():
        return [problem for problem in images.diagnose()[0] if 'dropped' in problem]

    images.add(Frame(LENSES[0], 0, IMAGE))
    time.sleep(START_UP)
    assert drops() == []
    for index in range(1, 21):
        for lens in LENSES:
            images.add(Frame(lens, index * 33_000_000, IMAGE))
    [problem] = drops()
    dropped = images.diagnose()[1]['sets dropped']
    # All but those that may wait, one in work, and a few that were done on a busy machine.
    assert 15 - depth < dropped <= 20 - depth
    assert problem.startswith(f'sets dropped: {dropped}, as')
    assert cure in problem
    assert drops() == []


def test_the_pace_is_told_of_the_sets_and_of_the_work_on_them(make_images):
    pace, allowed = Pace(), []

    def work(frame_set):
        allowed.append(pace.allow(8))
        time.sleep(0.01 * allowed[-1])
        pace.read(allowed[-1])

    images = make_images(work, pace=pace)
    came = []
    for index in range(100):
        for lens in LENSES:
            images.add(Frame(lens, index * 33_000_000, IMAGE))
        came.append(time.monotonic())
        time.sleep(START_UP if index == 0 else 0.02)
    # 80 ms of work at first, where 20 are between two sets, or more on a busy machine.
    assert allowed[0] == 8
    gaps = np.diff(came[-60:])
    assert set(allowed[-10:]) <= {*range(1, 3 + int((gaps.max() - 0.02) / 0.01))}


def test_stamps_that_stand_still_or_jump_to_and_fro_are_reported(make_images):
    images = make_images(lambda _: None)
    end = time.monotonic() + START_UP + 0.2
    while time.monotonic() < end:
        for lens in LENSES:
            images.add(Frame(lens, 5, IMAGE))
        time.sleep(0.02)
    problems = images.diagnose()[0]
    stalled = [each for each in problems if 'header.stamp does not advance' in each]
    assert len(stalled) == 4 and stalled[0].startswith('/fer/ir_left/image_raw: ')
    for index in range(6):
        for lens in LENSES:
            shift = 10**10 if lens == 'vis_left' and index % 2 else 0
            images.add(Frame(lens, index * 33_000_000 + shift, IMAGE))
    (problem,) = [each for each in images.diagnose()[0] if 'jumped' in each]
    assert 'the stamps of /fer/vis_left/image_raw jumped back by 9.97 s' in problem
    assert not [each for each in images.diagnose()[0] if 'jumped' in each]


def test_work_that_fails_and_lenses_without_calibration_are_reported(make_images):
    def fail(_):
        raise RuntimeError('no room left')

    images = make_images(fail)
    failed = 'sets that could not be processed: 1; no room left'
    lacking = f'no calibration of {", ".join(LENSES)}'
    images.add(Frame(LENSES[0], 0, IMAGE))
    assert lacking not in images.diagnose()[0]
    time.sleep(START_UP)
    for lens in LENSES:
        images.add(Frame(lens, 33_000_000, IMAGE))
    deadline = time.monotonic() + 10
    while failed not in (problems := images.diagnose()[0]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert failed in problems and lacking in problems
    assert failed not in images.diagnose()[0]


@pytest.mark.parametrize('simulated', [False, True])
@pytest.mark.parametrize(('stale_after', 'silent'), [(0.1, 4), (10.0, 0)])
def test_a_lens_is_silent_after_the_time_that_was_set(make_images, stale_after, silent, simulated):
    simulation = f'use_sim_time:={str(simulated).lower()}'
    images = make_images(lambda _: None, ['-p', f'stale_after:={stale_after}', '-p', simulation])
    clock = images._node.get_clock()

    def set_clock(milliseconds):
        if simulated:
            now = Time(nanoseconds=milliseconds * 10**6, clock_type=clock.clock_type)
            clock.set_ros_time_override(now)

    set_clock(1000)
    for lens in LENSES:
        images.add(Frame(lens, 10**9, IMAGE))
    time.sleep(0.3)
    set_clock(1300)
    assert sum('is silent' in problem for problem in images.diagnose()[0]) == silent


@pytest.mark.parametrize('depth', [3, 5])
def test_refused_images_and_overtaken_sets_are_counted(make_images, depth):
    images = make_images(lambda frames: images.read(frames), ['-p', f'queue_depth:={depth}'])
    for index in range(10):
        for lens in LENSES:
            message = SimpleNamespace(height=8, width=8, step=8, encoding='nv12', data=b'')
            images.add(Frame(lens, index * 33_000_000, message))
    assert images.diagnose()[1]['sets overtaken while waiting'] == 10 - depth
    time.sleep(START_UP)
    for lens in LENSES:
        images.add(Frame(lens, 330_000_000, IMAGE if lens == 'ir_left' else message))
    problems, done = [], 0
    deadline = time.monotonic() + 10
    while done < depth and time.monotonic() < deadline:
        time.sleep(0.01)
        more, values = images.diagnose()
        problems, done = problems + more, values['sets processed']
    assert values['images refused'] == 4 * depth - 1
    assert values['sets overtaken while waiting'] == 11 - depth
    refused = [text for text in problems if ' refused: ' in text]
    assert any(
        re.search(r'images of vis_left refused: \d+; image on /fer/vis_left/image_raw', text)
        for text in refused
    )
    assert not any(' refused: ' in text for text in images.diagnose()[0])


def test_warnings_of_the_core_are_the_nodes(make_images, capfd):
    images = make_images()
    log = logging.getLogger('fer_fusion_ros.registration')
    for _ in range(3):
        log.warning('no calibration of %s', 'vis_left')
    assert capfd.readouterr().err.count('[fer.slow]: no calibration of vis_left') == 1
    images.close()
    log.warning('the node has gone')
    assert '[fer.slow]' not in capfd.readouterr().err


def test_compressed_images_are_those_of_the_remapped_topic(make_images):
    remap = ['-r', 'vis_left/image_raw:=/cam/image_raw']
    images = make_images(arguments=[*remap, '-p', 'image_transport:=compressed'])
    images.add(Frame('ir_left', 0, IMAGE))
    problems, _ = images.diagnose()
    assert '/cam/image_raw/compressed is silent' in problems
    assert '/fer/vis_right/image_raw/compressed is silent' in problems


def test_figures_of_a_stream_are_in_the_units_they_are_named_with(make_images):
    images = make_images(lambda _: None, ['-p', 'tolerance:=0.05'])
    start = 1_700_000_000_000_000_000
    for index in range(20):
        for lens in LENSES:
            stamp = start + index * 50_000_000 + (30_000_000 if lens == 'ir_left' else 0)
            images.add(Frame(lens, stamp, IMAGE))
    _, values = images.diagnose()
    assert float(values['ir_left skew (ms)']) == pytest.approx(30.0)
    assert float(values['vis_right skew (ms)']) == 0.0
    assert all(float(values[f'{lens} rate (Hz)']) == pytest.approx(20.0) for lens in LENSES)


@pytest.mark.parametrize(
    ('ahead', 'simulated', 'told'),
    [
        (5.0, False, "images are stamped 5.0 s ahead of this node's clock; set the clocks of "),
        (0.0, False, ''),
        (-4.0, False, ''),
        (-3600.0, False, "3600.0 s behind this node's clock; set the clocks of the computers by "),
        # Before the first /clock.
        (-3600.0, True, ''),
        (5.0, True, ''),
    ],
)
def test_stamps_of_another_clock_are_reported_while_they_come(
    make_images, capfd, ahead, simulated, told
):
    arguments = ['-p', f'use_sim_time:={str(simulated).lower()}']
    images = make_images(work=lambda _: None, arguments=arguments)

    def reports():
        return [text for text in images.diagnose()[0] if "this node's clock" in text]

    stamp = time.time_ns() + round(ahead * 1e9)
    for _ in range(2):
        # A little of it passes until the report.
        for lens in LENSES:
            images.add(Frame(lens, stamp + 30_000_000, IMAGE))
        assert len(found := reports()) == bool(told)
        assert all(told in text for text in found)
    assert reports() == []
    # Also in the log, but not every second.
    assert capfd.readouterr().err.count("this node's clock") == bool(told)


@pytest.mark.parametrize(
    ('ahead', 'told'),
    [(5.0, 'play the bag that they come from with --clock, or set use_sim_time'), (-3600.0, '')],
)
def test_in_simulated_time_only_stamps_from_the_future_are_reported(make_images, ahead, told):
    images = make_images(work=lambda _: None, arguments=['-p', 'use_sim_time:=true'])
    start = 1_700_000_000_000_000_000
    clock = images._node.get_clock()
    clock.set_ros_time_override(Time(nanoseconds=start, clock_type=clock.clock_type))
    images.add(Frame('ir_left', start + round(ahead * 1e9), IMAGE))
    found = [text for text in images.diagnose()[0] if "this node's clock" in text]
    assert len(found) == bool(told)
    assert all(told in text for text in found)


def test_a_bag_that_begins_again_is_neither_silent_nor_from_the_future(make_images):
    images = make_images(work=lambda _: None, arguments=['-p', 'use_sim_time:=true'])
    start = 1_700_000_000_000_000_000
    clock = images._node.get_clock()

    def play(clock_frame, frame, lenses=LENSES):
        now = start + clock_frame * 33_000_000
        clock.set_ros_time_override(Time(nanoseconds=now, clock_type=clock.clock_type))
        for lens in lenses:
            images.add(Frame(lens, start + frame * 33_000_000, IMAGE))

    def problems():
        return [text for text in images.diagnose()[0] if 'silent' in text or 'clock;' in text]

    for index in range(300):
        play(index, index)
    # The last images come after the time of the next round, which takes a while to begin.
    play(0, 300)
    time.sleep(0.5)
    assert not problems()
    for index in range(30):
        play(index, index, [lens for lens in LENSES if lens != 'vis_left'])
    time.sleep(0.5)
    assert problems() == ['/fer/vis_left/image_raw is silent']


def test_a_calibration_that_is_sent_again_stays_the_same(make_feeder, ros_context):
    """Whatever the bytes between the fields of its message are; a change costs a new grid."""
    node = StageNode('reader', context=ros_context, cli_args=['--ros-args', '-r', '__ns:=/fer'])
    images = ImageSets(node, raw_topics, lambda _: None)
    executor = SingleThreadedExecutor(context=ros_context)
    executor.add_node(node)
    feeder = make_feeder()
    feeder.wait_for_listeners()
    seen = []
    for index in range(30):
        feeder.send(index / 30, shown=0.0)
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.01)
            seen.append(images.models)
    images.close()
    executor.shutdown()
    node.destroy_node()
    assert set(seen[-1]) == set(LENSES)
    # Kept in `seen`, so no two of them have the same id.
    assert len({id(models) for models in seen}) <= 1 + len(LENSES)


def test_no_lens_is_silent_while_a_bag_is_paused(
    start_node, ros_node, make_feeder, spin_until, record, lossless
):
    status = record(DiagnosticArray, '/diagnostics')
    clock = ros_node.create_publisher(Clock, '/clock', 10)
    # A lens whose last image is lost would fall silent before the others.
    node = start_node('registration', '-p', 'use_sim_time:=true', *lossless)
    feeder = make_feeder()
    feeder.wait_for_listeners()
    frame = 0

    def play(count, lenses=LENSES):
        nonlocal frame
        for _ in range(count):
            frame += 1
            stamp = feeder.send(frame / 30, lenses, shown=0.0)
            clock.publish(Clock(clock=Time(nanoseconds=stamp).to_msg()))
            spin_until(lambda: False, 0.02)  # not much faster than they were taken

    def problems():
        return [
            each.message for array in status for each in array.status if 'silent' in each.message
        ]

    started = time.monotonic()
    while time.monotonic() < started + START_UP + 1.0:
        play(1)
    topics = ', '.join(f'/fer/{lens}/image_raw' for lens in LENSES)
    assert node.output.count(f'at work on {topics}') == 1
    status.clear()
    spin_until(lambda: False, 2.5)
    messages = [each.message for array in status for each in array.status]
    assert any('/clock stands still' in message for message in messages)
    play(60)
    assert not problems()
    assert 'silent' not in node.output
    play(60, ['ir_left', 'ir_right', 'vis_right'])
    node.wait_for('/fer/vis_left/image_raw is silent, going on without it')
    assert spin_until(problems)
    play(30)
    node.wait_for('/fer/vis_left/image_raw is back')
    # What plays the bag goes on, but without images.
    play(60, [])
    node.wait_for(f'no images come any more on {topics}')
    play(30)
    node.wait_for(f'{topics} are back')
    assert node.output.count('going on without it') == 1


def test_a_lens_that_the_others_wait_for_is_named_once(start_node, make_feeder):
    node = start_node('registration')
    feeder = make_feeder()
    feeder.wait_for_listeners()
    for index in range(180):
        lenses = LENSES if index % 4 == 0 else [lens for lens in LENSES if lens != 'ir_left']
        feeder.send(index / 30, lenses, shown=0.0)
        time.sleep(0.03)
    text = node.wait_for('/fer/ir_left/image_raw brings 7.5 images per second, others up to 30.0')
    assert text.count(' images per second, others up to ') == 1


def test_lenses_with_threads_of_their_own_do_not_overtake_each_other(make_images):
    stamps = []
    images = make_images(lambda frame_set: stamps.append(frame_set.stamp_ns))
    images.models = dict.fromkeys(LENSES)
    add = images._synchroniser.add

    def add_slowly(frame):
        sets = add(frame)
        if sets and frame.stamp_ns == 33_000_000:
            time.sleep(0.1)  # as a thread that loses the processor here
        return sets

    images._synchroniser.add = add_slowly
    for index in (1, 2):
        for lens in LENSES[:-1]:
            images.add(Frame(lens, index * 33_000_000, IMAGE))
    threads = [
        threading.Thread(target=images.add, args=[Frame(LENSES[-1], stamp, IMAGE)])
        for stamp in (33_000_000, 66_000_000)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.03)
    for thread in threads:
        thread.join()
    end = time.monotonic() + 10
    while len(stamps) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert stamps == [33_000_000, 66_000_000]
