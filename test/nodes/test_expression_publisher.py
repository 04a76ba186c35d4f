"""What is said of faces that were not read."""

import time
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from visualization_msgs.msg import MarkerArray

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.messages.expression import make_header
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.msg import ExpressionStamped
from fer_fusion_ros.nodes.expression_publisher import ExpressionPublisher
from fer_fusion_ros.nodes.stage_node import StageNode


def faces(*lenses):
    """Faces read by these lenses; 0 was skipped, None shows nothing."""
    return [
        FaceExpression(
            *(f'face-{n}', 'left', (0, 0, 50, 50), (640, 480), None, 1.0),
            lenses=mask or 0,
            skipped=mask == 0,
        )
        for n, mask in enumerate(lenses)
    ]


@pytest.fixture
def publisher(ros_context, monkeypatch):
    """Return a publisher whose first problems have been asked for ten seconds ago."""
    node = StageNode('faces', context=ros_context)
    publisher = ExpressionPublisher(node)
    publisher.problems()
    now = time.monotonic()
    monkeypatch.setattr(time, 'monotonic', lambda: now + 10.0)
    yield publisher
    node.destroy_node()


def publish(publisher, frames):
    for index, masks in enumerate(frames):
        publisher.publish(faces(*masks), {'left': make_header(index, 'x')}, 'model')


@pytest.mark.parametrize(('read', 'rate'), [(1, '2.5'), (3, None)])
def test_too_few_readings_are_reported_once(publisher, read, rate):
    # 20 frames per second, in each second one of which some of the four faces are read.
    publish(
        publisher,
        [
            [15 if index % 2 and number < read else 0 for number in range(4)]
            for index in range(200)
        ],
    )
    problems = publisher.problems()
    assert publisher.values()['faces read'] == 100 * read
    assert publisher.values()['faces only followed'] == 800 - 100 * read
    assert len(problems) == (rate is not None)
    for problem in problems:
        assert f'each face is read only {rate} times per second' in problem
        assert 'try fewer images per second' in problem


@pytest.mark.parametrize(('fps', 'masks'), [(4, (15, 15)), (2, (15, None)), (20, (None, None))])
def test_what_shows_no_face_is_not_put_down_to_the_processor(publisher, monkeypatch, fps, masks):
    publish(publisher, [masks] * (10 * fps))
    assert publisher.problems() == []
    # But where there was no time for some of the few images.
    later = time.monotonic() + 10.0
    monkeypatch.setattr(time, 'monotonic', lambda: later)
    publish(publisher, [(15 if index % 5 == 0 else 0, *masks[1:]) for index in range(10 * fps)])
    assert len(publisher.problems()) == 1


def test_latency_is_the_time_since_capture(ros_context, record, spin_until):
    node = StageNode('late', context=ros_context)
    publisher = ExpressionPublisher(node)
    singles = record(ExpressionStamped, '/fer/expression')
    captured = node.get_clock().now().nanoseconds - 200_000_000

    def publish_late():
        publisher.publish(faces(15), {'left': make_header(captured, 'x')}, 'model')

    publish_late()
    age = node.age(captured).nanoseconds
    assert age >= 200_000_000
    assert 200.0 <= float(publisher.values()['latency (ms)']) <= age * 1e-6 + 0.1
    assert spin_until(lambda: publish_late() or singles)
    latency = singles[0].latency.sec + singles[0].latency.nanosec * 1e-9
    assert 0.2 <= latency <= node.age(captured).nanoseconds * 1e-9
    node.destroy_node()


@pytest.mark.parametrize(('pause', 'lifetime'), [(0.2, 1.0), (2.0, 6.0), (3600.0, 30.0)])
def test_a_marker_stays_until_the_next_frame(
    ros_context, record, spin_until, monkeypatch, pause, lifetime
):
    node = StageNode('marker', context=ros_context)
    publisher = ExpressionPublisher(node)
    arrays = record(MarkerArray, '/fer/markers')
    seen = [replace(face, position=np.array([0.0, 0.0, 3.0])) for face in faces(15)]
    start = time.monotonic()

    def publish_at(now, index):
        with monkeypatch.context() as patch:
            patch.setattr(time, 'monotonic', lambda: now)
            publisher.publish(seen, {'left': make_header(index, 'x')}, 'model')

    assert spin_until(lambda: publish_at(start, 0) or arrays)
    publish_at(start + pause, 1)
    assert spin_until(lambda: stamp_to_ns(arrays[-1].markers[0].header.stamp) == 1)
    # After a pause it is not known when the next comes.
    lifetimes = [stamp_to_ns(marker.lifetime) / 1e9 for marker in arrays[-1].markers]
    assert lifetimes == pytest.approx([lifetime] * 2)
    node.destroy_node()
