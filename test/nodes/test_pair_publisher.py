"""What nobody looks at is not computed."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from sensor_msgs.msg import Image

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.lenses.rig import SimulatedRig
from fer_fusion_ros.nodes.pair_publisher import PairPublisher
from fer_fusion_ros.nodes.stage_node import StageNode
from fer_fusion_ros.registration import Registrar


@pytest.fixture
def publisher(ros_context):
    node = StageNode('publisher', context=ros_context)
    yield PairPublisher(node)
    node.destroy_node()


def test_whole_images_are_computed_for_those_who_subscribe(publisher, record, spin_until):
    rig = SimulatedRig()
    registrar = Registrar({lens: rig.camera_model(lens) for lens in LENSES})

    def publish():
        pair = registrar.register(
            'left', *(rig.render(f'{band}_left', 0) for band in ('ir', 'vis'))
        )
        publisher.publish(pair, 1, 'vis_left_optical')
        return ['whole' in vars(view) for view in (pair.ir_view, pair.vis_view)]

    assert publish() == [False, False]
    images = record(Image, '/fer/left/ir/image_registered')
    assert spin_until(lambda: publish()[0] and images, 20)
    assert publish() == [True, False]
    assert np.frombuffer(images[0].data, np.uint8).std() > 5
    assert set(publisher.values()) == {'left residual (px)'}
