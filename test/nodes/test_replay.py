"""A bag of the lenses, written and read by `rosbags`, gives the expressions it gave live."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')
pytest.importorskip('rosbags', reason='rosbags is not installed')

from rclpy.serialization import serialize_message
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CameraInfo, Image

from fer_fusion_ros.lenses.names import LENSES
from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.msg import ExpressionArray

PLAYER = Path(__file__).resolve().parent.parent / 'fixtures' / 'player.py'
FRAMES = 10


def test_a_replayed_bag_gives_the_same_expressions(
    tmp_path, start_node, start_process, make_feeder, record, spin_until, lossless
):
    feeder = make_feeder()
    arrays = record(ExpressionArray, '/fer/expressions')
    raw = {
        f'/fer/{lens}/{name}': record(kind, f'/fer/{lens}/{name}')
        for lens in LENSES
        for name, kind in (('camera_info', CameraInfo), ('image_raw', Image))
    }
    live = start_node('pipeline', *lossless)
    feeder.warm_up(spin_until, arrays, *raw.values())
    for index in range(FRAMES):
        feeder.send(index / 30)
        assert spin_until(lambda: len(arrays) > index, 5), live.output  # noqa: B023
    assert spin_until(lambda: all(len(each) >= FRAMES for each in raw.values()), 5)
    live.stop()
    expected = list(arrays)
    arrays.clear()
    write_bag(tmp_path / 'bag', raw)

    node = start_node('pipeline', '-p', 'use_sim_time:=true', *lossless)
    # The recorders of this test subscribe too.
    player = start_process('python', PLAYER, tmp_path / 'bag', '0.3', '2')
    spin_until(lambda: len(arrays) == FRAMES, 30)
    assert len(arrays) == FRAMES, node.output + player.output
    # Live, there was somebody before, whose id is not given again.
    ((live_id,),) = {tuple(face.face_id for face in each.expressions) for each in expected}
    assert live_id != 'face-1'
    for before, after in zip(expected, arrays, strict=True):
        assert before.header == after.header
        assert [face.face_id for face in after.expressions] == ['face-1']
        for one, other in zip(before.expressions, after.expressions, strict=True):
            assert np.allclose(
                one.expression.probabilities, other.expression.probabilities, atol=1e-5
            )
            # By the bag's clock, which is not years ahead of its stamps.
            assert other.latency.sec == 0
    assert any(array.expressions for array in arrays)


def write_bag(path, raw):
    types = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=8) as writer:
        connections = {
            topic: writer.add_connection(
                topic,
                f'sensor_msgs/msg/{type(messages[0]).__name__}',
                typestore=types,
            )
            for topic, messages in raw.items()
        }
        everything = [
            (stamp_to_ns(message.header.stamp), topic, message)
            for topic, messages in raw.items()
            for message in messages
        ]
        for stamp_ns, topic, message in sorted(everything, key=lambda each: each[:2]):
            writer.write(connections[topic], stamp_ns, serialize_message(message))
