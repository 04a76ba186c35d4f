"""A node says which topic is missing or does not fit, and what to do."""

import time

import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from rclpy.qos import QoSProfile, ReliabilityPolicy

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.msg import ExpressionArray

# Humble lacks the last.
BEST = ', best_available' if hasattr(ReliabilityPolicy, 'BEST_AVAILABLE') else ''
RELIABILITIES = f'reliable, best_effort{BEST}'


def test_missing_topics_are_named_with_those_there_are(start_node, ros_node):
    from sensor_msgs.msg import Image

    publisher = ros_node.create_publisher(Image, '/camera/image', 1)
    node = start_node('registration')
    # The first report comes after 3 s; should the other topic be found later, the next names it.
    node.wait_for('-r ir_left/image_raw:=<topic>; there are: /camera/image', timeout=30)
    assert 'nobody publishes /fer/ir_left/image_raw' in node.output
    ros_node.destroy_publisher(publisher)


@pytest.mark.parametrize(
    ('transport', 'kind', 'there'),
    [('raw', 'CompressedImage', '/compressed'), ('compressed', 'Image', '')],
)
def test_images_that_come_the_other_way_are_named_with_the_cure(
    start_node, ros_node, transport, kind, there
):
    import sensor_msgs.msg

    topic = '/fer/vis_left/image_raw'
    message_type = getattr(sensor_msgs.msg, kind)
    publisher = ros_node.create_publisher(message_type, topic + there, 1)
    node = start_node('registration', '-p', f'image_transport:={transport}')
    wanted, other = ('/compressed', 'raw') if transport == 'compressed' else ('', 'compressed')
    cure = f'{topic}{wanted}, but there is {topic}{there}; set -p image_transport:={other}'
    node.wait_for(cure, timeout=30)
    # The other lenses are published in no way.
    node.wait_for(f'nobody publishes /fer/ir_left/image_raw{wanted}')
    ros_node.destroy_publisher(publisher)


def test_lenses_exchanged_by_remapping_are_reported_by_the_topics_there_are(start_node, ros_node):
    from sensor_msgs.msg import Image

    publisher = ros_node.create_publisher(Image, '/fer/vis_left/image_raw', 1)
    node = start_node(
        'registration',
        *('-r', 'vis_left/image_raw:=/fer/vis_right/image_raw'),
        *('-r', 'vis_right/image_raw:=/fer/vis_left/image_raw'),
        *('-p', 'image_transport:=compressed'),
    )
    topic = '/fer/vis_left/image_raw'
    node.wait_for(f'nobody publishes {topic}/compressed, but there is {topic};', timeout=30)
    # Of another type, but by the name under which it is published.
    assert 'there is /fer/vis_right' not in node.output
    ros_node.destroy_publisher(publisher)


@pytest.mark.parametrize(
    ('policy', 'given', 'allowed'),
    [
        ('reliability', 'relaible', f"{RELIABILITIES}; did you mean 'reli"),
        ('history', 'all', 'keep_last, keep_all'),
        ('depth', '-3', 'from 1 to 10000'),
        ('depth', 'abc', 'a whole number such as'),
        ('depth', '[]', 'a whole number such as'),
    ],
)
@pytest.mark.parametrize(
    ('executable', 'end'),
    [
        ('registration', 'vis_left/image_raw.subscription'),
        ('camera_array', 'vis_left/image_raw.publisher'),
    ],
)
def test_wrong_qos_override_is_named_with_what_it_may_be(
    start_node, executable, end, policy, given, allowed
):
    name = f'qos_overrides./fer/{end}.{policy}'
    node = start_node(executable, '-p', f'{name}:={given}')
    assert node.wait(20) == 1, node.output
    (line,) = node.output.splitlines()
    assert line.startswith(f"error: parameter '{name}' of node '{executable}' is ")
    assert (given if given != '[]' else 'empty') in line
    assert allowed in line


def test_incompatible_publisher_is_named_with_both_policies_and_the_fix(start_node, ros_node):
    from sensor_msgs.msg import Image

    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = ros_node.create_publisher(Image, '/fer/vis_left/image_raw', best_effort)
    override = 'qos_overrides./fer/vis_left/image_raw.subscription.reliability'
    node = start_node('registration', '-p', f'{override}:=reliable')
    output = node.wait_for('this node hears nothing from')
    assert '/fer/vis_left/image_raw: ' in output
    assert 'offers best_effort' in output
    assert 'asks for reliable' in output
    assert f'-p {override}:=best_effort' in output
    ros_node.destroy_publisher(publisher)


def test_what_was_published_once_is_asked_for(start_node, ros_node):
    from rclpy.qos import DurabilityPolicy
    from sensor_msgs.msg import CameraInfo

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    topic = '/fer/vis_left/camera_info'
    publisher = ros_node.create_publisher(CameraInfo, topic, latched)
    publisher.publish(CameraInfo())
    override = f'qos_overrides.{topic}.subscription'
    cure = (
        '-p',
        f'{override}.durability:=transient_local',
        '-p',
        f'{override}.reliability:=reliable',
    )
    node = start_node('registration')
    node.wait_for(f"no message yet, although node 'test_node' publishes {topic}; ", timeout=30)
    assert f'if it publishes but once, set {" ".join(cure)}' in node.output
    other = start_node('registration', *cure, '-r', '__node:=other')
    silent = ', '.join(f'/fer/{lens}/camera_info' for lens in LENSES if lens != 'vis_left')
    # All but the one that came.
    other.wait_for(f'nobody publishes {silent}; ', timeout=30)
    assert 'no message yet, although' not in other.output
    ros_node.destroy_publisher(publisher)


def test_incompatible_subscriber_is_named(start_node, ros_node):
    from rclpy.qos import DurabilityPolicy

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    ros_node.create_subscription(ExpressionArray, '/fer/expressions', print, latched)
    node = start_node('expression')
    output = node.wait_for('hears nothing, it asks for')
    assert '/fer/expressions: ' in output
    assert 'transient_local' in output


def test_the_time_that_networks_take_to_load_is_no_silence(ros_context, monkeypatch, capfd):
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import Image

    from fer_fusion_ros.messages.qos import IMAGE_SUBSCRIBER_QOS
    from fer_fusion_ros.nodes import stage_node

    monkeypatch.setattr(stage_node, 'MISSING_AFTER', 1.0)
    node = stage_node.StageNode('slow', context=ros_context)
    node.subscribe(Image, 'vis_left/image_raw', print, IMAGE_SUBSCRIBER_QOS)
    time.sleep(1.5)
    executor = SingleThreadedExecutor(context=ros_context)
    executor.add_node(node)
    started = time.monotonic()
    told = ''
    while 'no message yet' not in told and time.monotonic() < started + 10:
        executor.spin_once(timeout_sec=0.1)
        told += ''.join(capfd.readouterr())
    assert 1.0 <= time.monotonic() - started < 10
    executor.shutdown()
    node.destroy_node()
