"""Nodes end cleanly, and a node that cannot start says why in one line."""

import re
import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='there is no ROS here')


@pytest.mark.parametrize('sign', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
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


def test_interrupt_during_the_imports_leaves_no_traceback(start_process, tmp_path):
    """With the executable as CMake makes it, and imports that take long."""
    script = Path(__file__).resolve().parents[2].joinpath('cmake', 'script.py.in').read_text()
    for name, value in (
        ('Python3_EXECUTABLE', sys.executable),
        ('module', 'slow'),
        ('function', 'main'),
    ):
        script = script.replace(f'@{name}@', value)
    (tmp_path / 'script').write_text(script)
    (tmp_path / 'slow.py').write_text(
        'import time\nprint("importing", flush=True)\ntime.sleep(20)\n'
    )
    node = start_process(sys.executable, tmp_path / 'script')
    node.wait_for('importing')
    node.popen.send_signal(signal.SIGINT)
    assert node.wait(8) == -signal.SIGINT
    assert 'Traceback' not in node.output


@pytest.mark.parametrize(
    ('option', 'value', 'told'),
    [
        ('-p', 'plane_distance:=far', "parameter 'plane_distance' .*'far'"),
        ('-p', 'use_sim_time:=abc', "'use_sim_time' to 'abc'"),
        ('-p', 'plane_distance', 'override rule.*plane_distance'),
        ('--params-file', 'broken.yaml', 'broken.yaml.*near line 3'),
    ],
)
def test_wrong_parameter_ends_the_node_with_one_line(start_node, tmp_path, option, value, told):
    (tmp_path / 'broken.yaml').write_text('/**:\n  ros__parameters:\n    lenses: [ir_left\n')
    node = start_node('registration', option, value.replace('broken', f'{tmp_path}/broken'))
    assert node.wait(15) == 1
    (line,) = (line for line in node.output.splitlines() if line.startswith('error: '))
    assert re.search(told, line)
    assert 'Traceback' not in node.output


def test_unknown_parameter_is_a_warning(start_node):
    node = start_node('registration', '-p', 'plane_distnce:=2.0')
    node.wait_for("did you mean 'plane_distance'?")
    assert node.stop() == 0


def test_nohup_keeps_a_node_when_its_terminal_closes(install_prefix, start_process):
    node = start_process('nohup', install_prefix / 'lib' / 'fer_fusion_ros' / 'registration')
    pid = Path(f'/proc/{node.popen.pid}')
    # Caught signals show that its own handlers are set.
    end = time.monotonic() + 15
    while not _mask(pid, 'SigCgt') >> signal.SIGTERM - 1 & 1:
        assert time.monotonic() < end, node.output
        time.sleep(0.05)
    assert _mask(pid, 'SigIgn') >> signal.SIGHUP - 1 & 1
    node.popen.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert node.popen.poll() is None
    assert node.stop() == 0, node.output


def _mask(process: Path, name: str) -> int:
    (line,) = (x for x in (process / 'status').read_text().splitlines() if x.startswith(name))
    return int(line.split()[1], 16)
