"""What the expression node shows besides expressions: markers and the overlay."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker, MarkerArray

from fer_fusion_ros.messages.expression import make_header
from fer_fusion_ros.messages.image import array_to_image, image_to_array
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.msg import ExpressionArray
from fer_fusion_ros.nodes.expression import ExpressionNode
from fer_fusion_ros.pipeline.overlay import COLOURS


@pytest.mark.parametrize('names', [('registration', 'fusion', 'expression'), ('pipeline',)])
def test_markers_and_overlay(start_node, make_feeder, record, spin_until, names):
    feeder = make_feeder()
    arrays = record(ExpressionArray, '/fer/expressions')
    markers = record(MarkerArray, '/fer/markers')
    overlays = record(Image, '/fer/overlay/image')
    nodes = [start_node(name) for name in names]
    feeder.warm_up(spin_until, arrays, markers, overlays)
    for index in range(8):
        feeder.send(index / 30)
        assert spin_until(lambda: len(arrays) > index, 5), nodes[-1].output  # noqa: B023
    assert spin_until(lambda: overlays and len(markers) == len(arrays))
    head, text = markers[-1].markers
    (face,) = arrays[-1].expressions
    for marker in (head, text):
        assert marker.action == Marker.ADD
        assert marker.header == face.header
        assert (marker.pose.position.x, marker.pose.position.z) == (
            face.position.x,
            face.position.z,
        )
    assert head.pose.position.y == face.position.y
    bgr = np.array([head.color.b, head.color.g, head.color.r]) * 255
    assert bgr == pytest.approx(COLOURS[face.expression.category])
    # Above the head, in an optical frame.
    assert text.pose.position.y < face.position.y - head.scale.y / 2
    assert text.text == f'{face.expression.label}\n{face.expression.confidence:.0%}'
    assert {stamp_to_ns(array.header.stamp) for array in arrays} <= feeder.stamps
    assert {stamp_to_ns(each.header.stamp) for each in overlays} <= feeder.stamps
    drawn = image_to_array(overlays[-1], 'bgr8')
    assert drawn.shape == (480, 640, 3)
    # The face is framed, on the side whose images it is in.
    (face,) = next(a.expressions for a in arrays if a.header.stamp == overlays[-1].header.stamp)
    assert overlays[-1].header == face.header
    top = drawn[face.roi.y_offset, face.roi.x_offset :][: face.roi.width].astype(int)
    assert np.abs(top - COLOURS[face.expression.category]).mean() < 20

    def blank(lens, message):
        message.data = bytes(len(message.data))

    # Nobody there any more: once the face is given up, its markers go.
    markers.clear()
    index = 8
    while not (gone := [m for each in markers for m in each.markers if m.action != Marker.ADD]):
        count = len(arrays)
        feeder.send(index / 15, change=blank, shown=0.0)
        assert spin_until(lambda: len(arrays) > count, 5)  # noqa: B023
        index += 1
        assert index < 60, 'the markers stay'
    assert [each.action for each in gone] == [Marker.DELETE] * 2
    assert [(each.ns, each.id) for each in gone] == [(each.ns, each.id) for each in (head, text)]


def test_the_fused_images_are_asked_for_as_told_once_somebody_looks(
    start_node, ros_node, spin_until
):
    topics = [f'/fer/{side}/fused/image' for side in ('left', 'right')]
    told = [f'qos_overrides.{topic}.subscription.reliability:=reliable' for topic in topics]
    node = start_node('expression', *(word for each in told for word in ('-p', each)))
    # It says so when it starts to be silent.
    node.wait_for('nobody publishes /fer/left/ir/image_registered')
    assert 'unknown' not in node.output
    assert not any(map(ros_node.count_subscribers, topics))
    overlay = ros_node.create_subscription(Image, '/fer/overlay/image', print, 1)
    assert spin_until(lambda: ros_node.count_subscribers(topics[0]))
    (info,) = ros_node.get_subscriptions_info_by_topic(topics[0])
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    ros_node.destroy_subscription(overlay)
    assert spin_until(lambda: not ros_node.count_subscribers(topics[0]))


@pytest.fixture
def node(ros_context):
    node = ExpressionNode(context=ros_context)
    yield node
    node.close()
    node.destroy_node()


def test_faces_are_drawn_on_the_images_of_their_side(node, record, spin_until):
    overlays = record(Image, '/fer/overlay/image')
    image = np.zeros((480, 640, 3), np.uint8)
    assert spin_until(node._expressions.overlay_wanted)
    for stamp, side in enumerate(('left', 'right'), 1):
        node._on_fused(side, array_to_image(image, stamp, f'vis_{side}_optical'))
        # The left side came back, or went, between the image and the faces.
        other = {'left': 'right', 'right': 'left'}[side]
        node._meet(other, make_header(stamp, f'vis_{other}_optical'), 'faces', [])
        assert not spin_until(lambda: overlays, 0.5)
        node._meet(side, make_header(stamp, f'vis_{side}_optical'), 'faces', [])
        assert spin_until(lambda: overlays)
        assert overlays.pop().header.frame_id == f'vis_{side}_optical'
