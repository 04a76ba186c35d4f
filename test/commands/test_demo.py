"""The demo runs real nodes and leaves a video, a picture and a bag."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_fusion_ros.commands.demo import MARK, keep_apart, remark_on_pace
from fer_fusion_ros.commands.main import main

pytest.importorskip('rclpy', reason='there is no ROS here')
pytest.importorskip('rosbags')

ROOT = Path(__file__).parents[2]


def test_the_demo_leaves_what_it_promises(install_prefix, start_process, tmp_path):
    out = tmp_path / 'out'
    demo = start_process(
        install_prefix / 'bin' / 'fer_fusion',
        *('demo', '--no-window', '--seconds', '8', '--rate', '10', '--output', out),
    )
    assert demo.wait(90) == 0, demo.output
    assert 'First frame after' in demo.output
    assert '/fer/vis_right/image_raw/compressed' in demo.output
    assert 'happy' in demo.output

    video = cv2.VideoCapture(str(out / 'demo.mp4'))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    assert len(frames) > 20
    assert frames[0].shape == (720, 1280, 3)
    # The light goes down and up again, in the picture of a visible lens.
    tile = [float(frame[100:300, 30:345].mean()) for frame in frames]
    assert min(tile) < 0.5 * max(tile)
    assert tile[-1] > 2 * min(tile)
    assert 'near dark  happy in' in demo.output

    picture = cv2.imread(str(out / 'demo.png'))
    assert picture.shape[0] == 1160
    assert picture.std() > 30

    from rosbags.highlevel import AnyReader

    with AnyReader([out / 'bag']) as reader:
        counts = {topic: info.msgcount for topic, info in reader.topics.items()}
        for lens in ('ir_left', 'ir_right', 'vis_left', 'vis_right'):
            assert counts[f'/fer/{lens}/image_raw/compressed'] > 20
            assert counts[f'/fer/{lens}/camera_info'] > 20
        assert counts['/fer/expressions'] > 5
        connections = [c for c in reader.connections if c.topic == '/fer/expression']
        labels = [
            reader.deserialize(data, connection.msgtype).expression.label
            for connection, _, data in reader.messages(connections=connections)
        ]
    assert np.mean([label == 'happy' for label in labels]) > 0.5


def test_the_demo_is_left_in_a_folder_whose_name_is_not_utf_8(
    install_prefix, start_process, tmp_path
):
    out = tmp_path / os.fsdecode(b'd\xe9mo')
    demo = start_process(
        install_prefix / 'bin' / 'fer_fusion',
        *('demo', '--no-window', '--seconds', '4', '--rate', '5', '--output', out),
    )
    assert demo.wait(90) == 0, demo.output
    assert {'bag', 'demo.mp4', 'demo.png'} <= {path.name for path in out.iterdir()}
    assert 'Traceback' not in demo.output


# The second means something else in YAML; to be found faceless it must be read.
@pytest.mark.parametrize('name', ['blank.png', 'it\'s: a "fäce" #1.png'])
def test_a_photograph_without_a_face_ends_the_demo_with_the_cause(
    install_prefix, start_process, tmp_path, name
):
    blank = tmp_path / name
    cv2.imwrite(str(blank), np.full((300, 300, 3), 128, np.uint8))
    demo = start_process(
        install_prefix / 'bin' / 'fer_fusion',
        *('demo', '--no-window', '--seconds', '3', '--faces', blank, '--output', tmp_path / 'out'),
    )
    assert demo.wait(90) == 1
    assert 'no frontal face is found' in demo.output
    assert 'Traceback' not in demo.output


@pytest.mark.parametrize(
    ('option', 'value', 'told'),
    [
        ('--faces', '/nope', '/nope does not exist'),
        ('--faces', __file__, 'test_demo.py: not a readable image'),
        ('--distance', '40', 'distance is 40.0; give 0.5 to 20'),
        ('--rate', '1e6', 'fps is 1000000.0; give 0.1 to 1000'),
    ],
)
def test_what_cannot_be_shown_leaves_the_earlier_demo(tmp_path, capsys, option, value, told):
    pytest.importorskip('fer_fusion_ros.msg', reason='the messages are not built')
    (tmp_path / 'bag').mkdir()
    (tmp_path / 'bag' / MARK).touch()
    assert main(['demo', '--output', str(tmp_path), option, value]) == 1
    assert told in capsys.readouterr().err
    assert (tmp_path / 'bag' / MARK).exists()


@pytest.mark.parametrize('name', ['metadata.yaml', 'precious.txt'])
def test_a_folder_that_no_demo_made_is_kept(install_prefix, start_process, tmp_path, name):
    (tmp_path / 'out' / 'bag').mkdir(parents=True)
    (tmp_path / 'out' / 'bag' / name).write_text('keep me')
    demo = start_process(
        install_prefix / 'bin' / 'fer_fusion', 'demo', '--output', tmp_path / 'out'
    )
    assert demo.wait(30) == 1
    assert 'was not recorded by this demo' in demo.output
    assert (tmp_path / 'out' / 'bag' / name).exists()


@pytest.mark.parametrize('sign', [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_stopped_ends_its_nodes_and_its_bag(
    install_prefix, start_process, tmp_path, sign
):
    demo = start_process(
        install_prefix / 'bin' / 'fer_fusion',
        *('demo', '--no-window', '--output', tmp_path / 'out'),
    )
    demo.wait_for('First frame', 60)
    children = children_of(demo)
    assert len(children) == 2
    assert demo.stop(sign, timeout=20) == 130, demo.output
    assert not any(Path(f'/proc/{child}').exists() for child in children)
    assert (tmp_path / 'out' / 'bag' / 'metadata.yaml').is_file()
    assert 'Traceback' not in demo.output


@pytest.mark.skipif(not shutil.which('setpriv'), reason='needs setpriv of util-linux')
def test_a_demo_that_is_killed_leaves_neither_nodes_nor_an_obstacle(
    install_prefix, start_process, tmp_path
):
    command = (
        install_prefix / 'bin' / 'fer_fusion',
        *('demo', '--no-window', '--output', tmp_path / 'out'),
    )
    killed = start_process(*command)
    killed.wait_for('First frame', 60)
    children = children_of(killed)
    second = start_process(*command)
    assert second.wait(30) == 1
    assert 'another demo writes to' in second.output
    killed.stop(signal.SIGKILL)
    end = time.monotonic() + 15
    while any(Path(f'/proc/{child}').exists() for child in children):
        assert time.monotonic() < end, 'its nodes go on'
        time.sleep(0.1)
    assert not (tmp_path / 'out' / 'bag' / 'metadata.yaml').exists()
    start_process(*command).wait_for('First frame', 60)


def children_of(process):
    pid = process.popen.pid
    return Path(f'/proc/{pid}/task/{pid}/children').read_text().split()


def test_the_robots_on_the_network_do_not_hear_it():
    settings = {'ROS_DISTRO': 'jazzy'}
    keep_apart(settings)
    assert settings == {'ROS_DISTRO': 'jazzy', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    # Humble does not know that variable.
    settings = {'ROS_DISTRO': 'humble'}
    keep_apart(settings)
    assert int(settings['ROS_DOMAIN_ID']) > 0
    settings = {'ROS_DISTRO': 'humble', 'ROS_DOMAIN_ID': '5'}
    keep_apart(settings)
    assert settings['ROS_DOMAIN_ID'] == '5'


def test_a_processor_that_is_too_slow_is_told_of():
    assert remark_on_pace(80, 100) == ''
    assert 'read in 79 of 100 frames' in remark_on_pace(79, 100)
    assert remark_on_pace(0, 0) == ''


def test_without_the_built_messages_it_says_what_to_build(tmp_path):
    bag = tmp_path / 'bag'
    bag.mkdir()
    (bag / MARK).touch()
    others = [path for path in sys.path if not Path(path, 'fer_fusion_ros', 'msg').is_dir()]
    run = subprocess.run(
        [sys.executable, '-m', 'fer_fusion_ros.commands.main', 'demo', '--output', tmp_path],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), *others])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert 'build this package with colcon and source its install space' in line
    assert (bag / MARK).exists()  # what an earlier demo recorded is still there


def test_windows_is_told_that_there_is_no_ros(monkeypatch, tmp_path, capsys):
    for name in ('fcntl', 'rclpy'):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, 'fer_fusion_ros.commands.demo')
    assert main(['demo', '--output', str(tmp_path / 'out')]) == 1
    assert 'there is no ROS here' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('name', 'told'),
    [('rclpy', 'there is no ROS here'), ('librcl', r'cannot be imported \(no librcl\); source')],
)
def test_an_rclpy_that_is_broken_is_told_from_none(monkeypatch, tmp_path, capsys, name, told):
    (tmp_path / 'rclpy.py').write_text(f"raise ImportError('no {name}\\nand more', name='{name}')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'rclpy')
    assert main(['demo', '--output', str(tmp_path / 'out')]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(told, line)
