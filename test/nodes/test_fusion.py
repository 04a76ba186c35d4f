"""The fusion node, which takes in images only for those who look at what it makes of them."""

import itertools

import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image

from fer_fusion_ros.messages.image import image_to_array

PAIR = [f'/fer/left/{band}/image_registered' for band in ('ir', 'vis')]


def test_subscribes_to_the_pairs_only_while_somebody_looks(
    start_node, make_feeder, ros_node, record, spin_until
):
    feeder = make_feeder()
    status = record(DiagnosticArray, '/diagnostics')
    start_node('registration')
    node = start_node('fusion')
    feeder.wait_for_listeners()
    frames = itertools.count()

    def send():
        feeder.send(next(frames) / 30, shown=0.0)
        return spin_until(lambda: False, 0.03)

    def told():
        return [s.message for each in status for s in each.status if s.name == '/fer/fusion']

    fused = []
    for _ in range(2):
        status.clear()
        assert spin_until(lambda: send() or len(told()) > 3, 20)
        assert not any(map(ros_node.count_subscribers, PAIR))
        assert set(told()) == {'ok'}
        fused.clear()
        subscription = ros_node.create_subscription(
            Image, '/fer/left/fused/image', fused.append, 1
        )
        assert spin_until(lambda: send() or len(fused) > 3, 20), node.output
        assert image_to_array(fused[-1], 'bgr8').std() > 10
        ros_node.destroy_subscription(subscription)
        assert spin_until(lambda: not any(map(ros_node.count_subscribers, PAIR)), 20)
    assert 'silent' not in node.output and 'no message yet' not in node.output
    # Whoever looks while no images come is told why there are none.
    record(Image, '/fer/left/fused/image')
    assert spin_until(lambda: any(f'{PAIR[0]} is silent' in message for message in told()), 20)


def test_needs_no_calibration(start_node, ros_node, record, spin_until):
    from fer_fusion_ros.lenses.rig import SimulatedRig
    from fer_fusion_ros.messages.image import array_to_image

    rig = SimulatedRig()
    images = [rig.render(lens, 0.0) for lens in ('ir_left', 'vis_left')]
    publishers = [ros_node.create_publisher(Image, topic, 1) for topic in PAIR]
    status = record(DiagnosticArray, '/diagnostics')
    fused = record(Image, '/fer/left/fused/image')
    node = start_node('fusion', '-p', 'lenses:=[ir_left, vis_left]')
    assert spin_until(lambda: all(p.get_subscription_count() for p in publishers), 20)
    for index in range(1, 60):
        for publisher, image in zip(publishers, images, strict=True):
            publisher.publish(array_to_image(image, index * 33_000_000, 'vis_left_optical'))
        spin_until(lambda: False, 0.03)
    assert spin_until(lambda: fused, 10), node.output
    for side in ('/fer/left', '/fer/left/ir'):
        assert not ros_node.count_subscribers(f'{side}/camera_info')
    told = [s.message for each in status for s in each.status if s.name == '/fer/fusion']
    assert not any('calibration' in message for message in told)
