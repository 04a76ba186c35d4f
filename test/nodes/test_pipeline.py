"""The pipeline node in a process of its own, over DDS."""

import math

import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')

from fer_fusion_ros.messages.stamps import stamp_to_ns
from fer_fusion_ros.msg import ExpressionArray, ExpressionStamped


def test_expressions_carry_the_stamp_and_frame_of_the_visible_lens(
    start_node, make_feeder, record, spin_until
):
    feeder = make_feeder()
    arrays = record(ExpressionArray, '/fer/expressions')
    singles = record(ExpressionStamped, '/fer/expression')
    node = start_node('pipeline')
    feeder.wait_for_listeners()
    offsets = {'ir_left': 0.004, 'ir_right': -0.003, 'vis_right': 0.002}
    stamps = []
    for index in range(12):
        stamps.append(feeder.send(index / 30, offsets=offsets))
        assert spin_until(lambda: len(arrays) > index < len(singles), 15), node.output  # noqa: B023
    assert [stamp_to_ns(array.header.stamp) for array in arrays] == stamps
    assert {array.header.frame_id for array in arrays} == {'vis_left_optical'}
    last = arrays[-1].expressions[0]
    print(last)
    assert singles[-1] == last
    assert last.header == arrays[-1].header
    assert last.lenses == 15
    assert last.modality == ExpressionStamped.FUSED
    assert last.distance == pytest.approx(3.0, abs=0.4)
    assert math.isclose(sum(last.expression.probabilities), 1.0, abs_tol=1e-4)
