"""The launch files load and start what they should; where ROS 2 launch is missing, skip."""

import logging
import os
import runpy
from pathlib import Path

import pytest
import yaml

launch = pytest.importorskip('launch', reason='ROS 2 launch is not installed (no PyPI wheels)')
# It lets no logger propagate that is made from now on, and the tests of others listen for them.
logging.setLoggerClass(logging.Logger)
launch_ros = pytest.importorskip(
    'launch_ros', reason='launch_ros is not installed (no PyPI wheels)'
)

FOLDER = Path(__file__).resolve().parent.parent.parent / 'launch'


def load(name, **given):
    """Return the actions of a launch file once its arguments are known, and the context."""
    description = runpy.run_path(str(FOLDER / name))['generate_launch_description']()
    context = launch.LaunchContext()
    context.launch_configurations.update(given)
    actions, waiting = [], [*description.entities]
    while waiting:
        action = waiting.pop(0)
        actions.append(action)
        if not isinstance(action, launch.actions.ExecuteProcess):
            waiting.extend(action.visit(context) or [])
    return actions, context


def executables(actions):
    """Return the executables of the nodes among actions."""
    return [each.node_executable for each in actions if hasattr(each, 'node_executable')]


def parameters(actions, context):
    """Return the parameters by node that stand beside its file."""
    found = {}
    for each in actions:
        if hasattr(each, 'node_executable'):
            given = launch_ros.utilities.evaluate_parameters(context, each._Node__parameters)
            found[each.node_executable] = {
                name: value
                for table in given
                if isinstance(table, dict)
                for name, value in table.items()
            }
    return found


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({}, ['camera_array', 'pipeline']),
        ({'composed': 'false'}, ['camera_array', 'registration', 'fusion', 'expression']),
        ({'cameras': 'false'}, ['pipeline']),
    ],
)
def test_nodes_by_arguments(install_prefix, given, expected):
    actions, _ = load('fer_fusion.launch.py', **given)
    assert executables(actions) == expected


@pytest.mark.parametrize('namespace', ['robot', '/robot/', '', '/'])
def test_rviz_on_request(install_prefix, tmp_path, monkeypatch, namespace):
    entry = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'rviz2'
    entry.parent.mkdir(parents=True)
    entry.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path), prepend=os.pathsep)
    given = {'cameras': 'false', 'rviz': 'true', 'namespace': namespace}
    actions, context = load('fer_fusion.launch.py', **given)
    assert executables(actions) == ['pipeline', 'rviz2']
    # All topics of its configuration follow the namespace.
    config = yaml.safe_load((FOLDER.parent / 'config' / 'fer_fusion.rviz').read_text())
    shown = config['Visualization Manager']['Displays']
    topics = {each['Topic']['Value'] for each in shown if 'Topic' in each}
    remapped = {
        tuple(launch.utilities.perform_substitutions(context, name) for name in pair)
        for pair in actions[-1]._Node__remappings
    }
    prefix = '/robot/' if 'robot' in namespace else '/'
    assert remapped == {(topic, topic.replace('/fer/', prefix, 1)) for topic in topics}


@pytest.mark.parametrize(
    ('name', 'given', 'message'),
    [
        ('fer_fusion', {'params_file': '/no.yaml'}, 'params_file:=/no.yaml: there is no such f'),
        (
            'fer_fusion',
            {'rviz': 'true'},
            'RViz is not installed: sudo apt install ros-jazzy-rviz2',
        ),
        ('replay', {'bag': '/no'}, 'bag:=/no: there is no such bag'),
    ],
)
def test_what_cannot_be_started_is_said_before_anything_is(
    install_prefix, monkeypatch, name, given, message
):
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(install_prefix))
    with pytest.raises(RuntimeError, match=message):
        load(f'{name}.launch.py', **given)


def test_the_parameter_file_may_be_in_the_home_folder(install_prefix, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'mine.yaml').touch()
    actions, context = load('fer_fusion.launch.py', params_file='~/mine.yaml')
    (node, *_) = (each for each in actions if hasattr(each, 'node_executable'))
    files = launch_ros.utilities.evaluate_parameters(context, node._Node__parameters)
    assert tmp_path / 'mine.yaml' in files


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({}, {}),
        ({'image_transport': 'compressed'}, {'pipeline': 'compressed'}),
        # The other stages read what registration publishes.
        (
            {'image_transport': 'compressed', 'composed': 'false'},
            {'registration': 'compressed'},
        ),
    ],
)
def test_transport_is_that_of_the_nodes_that_read_the_lenses(install_prefix, given, expected):
    actions, context = load('fer_fusion.launch.py', **given)
    seen = parameters(actions, context)
    transports = {name: each.get('image_transport') for name, each in seen.items()}
    assert {name: each for name, each in transports.items() if each} == expected
    assert seen['camera_array'].get('compressed', False) == bool(expected)


def test_fast_dds_profile_is_set_unless_the_user_chose_one(install_prefix, monkeypatch):
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(name, raising=False)
    _, context = load('fer_fusion.launch.py')
    assert any('PROFILES_FILE' in name for name in context.environment)
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/mine.xml')
    actions, _ = load('fer_fusion.launch.py')
    assert not any(isinstance(each, launch.actions.SetEnvironmentVariable) for each in actions)


@pytest.mark.parametrize(('namespace', 'prefix'), [('robot', '/robot'), ('', ''), ('/', '')])
def test_replay_plays_the_lenses_and_nothing_else(
    install_prefix, tmp_path, monkeypatch, namespace, prefix
):
    monkeypatch.setenv('HOME', str(tmp_path.parent))
    bag = f'~/{tmp_path.name}'
    actions, context = load('replay.launch.py', bag=bag, namespace=namespace)
    assert executables(actions) == ['pipeline']
    (player,) = (
        each
        for each in actions
        if isinstance(each, launch.actions.ExecuteProcess) and not hasattr(each, 'node_executable')
    )
    words = [
        launch.utilities.perform_substitutions(context, word)
        for word in player.process_description.cmd
    ]
    assert words[:5] == ['ros2', 'bag', 'play', str(tmp_path), '--clock']
    topics = words[words.index('--topics') + 1 :]
    assert f'{prefix}/vis_left/image_raw' in topics
    assert not [topic for topic in topics if 'expression' in topic]
    assert context.launch_configurations['use_sim_time'] == 'true'


def test_a_replay_ends_with_its_bag(install_prefix, start_process, tmp_path):
    """The player here has nothing to play; the node is the real one."""
    player = tmp_path / 'ros2'
    player.write_text('#!/bin/sh\necho played "$@"\n')
    player.chmod(0o755)
    script = (
        'import sys; from launch import LaunchService; from launch.actions import *; '
        'from launch.launch_description_sources import PythonLaunchDescriptionSource as Source; '
        'from launch import LaunchDescription; service = LaunchService(); '
        'service.include_launch_description(LaunchDescription([IncludeLaunchDescription('
        'Source(sys.argv[1]), launch_arguments=[("bag", sys.argv[2])])])); sys.exit(service.run())'
    )
    replay = start_process(
        *('python', '-c', script, FOLDER / 'replay.launch.py', tmp_path),
        PATH=f'{tmp_path}{os.pathsep}{os.environ["PATH"]}',
    )
    assert replay.wait(30) == 0, replay.output
    assert f'played bag play {tmp_path}' in replay.output
    assert replay.output.count('process has finished cleanly') == 2, replay.output


@pytest.mark.parametrize(
    ('recorded', 'given', 'expected'),
    [
        ({'image_raw': 9, 'image_raw/compressed': 0}, {}, 'raw'),
        ({'image_raw/compressed': 9, 'camera_info': 9}, {}, 'compressed'),
        ({'image_raw/compressed': 9}, {'image_transport': 'raw'}, 'raw'),
        ({'image_raw': 9, 'image_raw/compressed': 9}, {}, None),
        (None, {}, None),
    ],
)
@pytest.mark.parametrize(('namespace', 'prefix'), [('robot', '/robot'), ('/', '')])
def test_replay_uses_the_images_that_the_bag_has(
    install_prefix, tmp_path, recorded, given, expected, namespace, prefix
):
    if recorded is not None:
        topics = [
            {'message_count': count, 'topic_metadata': {'name': f'{prefix}/vis_left/{name}'}}
            for name, count in recorded.items()
        ]
        information = {'rosbag2_bagfile_information': {'topics_with_message_count': topics}}
        (tmp_path / 'metadata.yaml').write_text(yaml.safe_dump(information))
    actions, context = load('replay.launch.py', bag=str(tmp_path), namespace=namespace, **given)
    assert parameters(actions, context)['pipeline'].get('image_transport') == expected
