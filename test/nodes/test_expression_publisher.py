"""What is said of faces that were not read."""

import time

import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from fer_fusion_ros.expression.face_expression import FaceExpression
from fer_fusion_ros.messages.expression import make_header
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


def test_latency_is_the_time_since_capture(ros_context):
    node = StageNode('late', context=ros_context)
    publisher = ExpressionPublisher(node)
    captured = node.get_clock().now().nanoseconds - 200_000_000
    publisher.publish(faces(15), {'left': make_header(captured, 'x')}, 'model')
    assert node.age(captured).nanoseconds >= 200_000_000
    assert float(publisher.values()['latency (ms)']) >= 200.0
    node.destroy_node()
