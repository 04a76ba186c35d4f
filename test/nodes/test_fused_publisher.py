"""What is said of fused images that show one lens alone."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from rcl_interfaces.msg import Log
from sensor_msgs.msg import Image

from fer_fusion_ros.fusion.modality import Modality
from fer_fusion_ros.nodes.fused_publisher import FusedPublisher
from fer_fusion_ros.nodes.stage_node import StageNode


@pytest.mark.parametrize(
    ('modality', 'band'),
    [(Modality.FUSED, None), (Modality.INFRARED, 'infrared'), (Modality.VISIBLE, 'visible')],
)
def test_a_pair_that_is_incomplete_is_told_of(ros_context, record, spin_until, modality, band):
    node = StageNode('looker', context=ros_context)
    publisher = FusedPublisher(node)
    images, logs = record(Image, '/fer/left/fused/image'), record(Log, '/rosout')

    def heard(text):
        node.get_logger().info(text)
        return any(log.msg == text for log in logs)

    def publish():
        publisher.publish('left', lambda: (np.zeros((4, 6), np.uint8), modality), 5, 'x')

    assert spin_until(lambda: heard('begin'))
    assert spin_until(lambda: publish() or images)
    assert spin_until(lambda: heard('end'))
    told = {log.msg for log in logs if 'pair' in log.msg}
    expected = f'left pair is incomplete: its fused image shows the {band} one alone'
    assert told == ({expected} if band else set())
    node.destroy_node()
