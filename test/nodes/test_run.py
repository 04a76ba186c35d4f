"""Nodes end cleanly, and a node that cannot start says why in one line."""

import signal
import time

import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')


@pytest.mark.parametrize('sign', [signal.SIGTERM, signal.SIGINT])
def test_two_signals_end_a_node_cleanly(start_node, make_feeder, sign):
    feeder = make_feeder()
    node = start_node('pipeline')
    feeder.wait_for_listeners()
    feeder.send(0.0)
    node.popen.send_signal(sign)
    time.sleep(0.02)
    node.popen.send_signal(sign)
    assert node.wait(8) == 0, node.output
    assert 'Traceback' not in node.output


def test_wrong_parameter_ends_the_node_with_one_line(start_node):
    node = start_node('registration', '-p', 'plane_distance:=far')
    assert node.wait(15) == 1
    assert "parameter 'plane_distance'" in node.output
    assert "'far'" in node.output
    assert 'Traceback' not in node.output


def test_unknown_parameter_is_a_warning(start_node):
    node = start_node('registration', '-p', 'plane_distnce:=2.0')
    node.wait_for("did you mean 'plane_distance'?")
    assert node.stop() == 0
