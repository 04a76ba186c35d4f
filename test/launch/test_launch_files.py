"""The launch files load and start what they should; where ROS 2 launch is missing, skip."""

import runpy
from pathlib import Path

import pytest

launch = pytest.importorskip('launch', reason='ROS 2 launch is not installed (no PyPI wheels)')
pytest.importorskip('launch_ros', reason='launch_ros is not installed (no PyPI wheels)')

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


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({}, ['camera_array', 'pipeline']),
        ({'composed': 'false'}, ['camera_array', 'registration', 'fusion', 'expression']),
        ({'cameras': 'false'}, ['pipeline']),
        ({'cameras': 'false', 'rviz': 'true'}, ['pipeline', 'rviz2']),
    ],
)
def test_nodes_by_arguments(install_prefix, given, expected):
    actions, _ = load('fer_fusion.launch.py', **given)
    assert executables(actions) == expected


def test_fast_dds_profile_is_set_unless_the_user_chose_one(install_prefix, monkeypatch):
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(name, raising=False)
    _, context = load('fer_fusion.launch.py')
    assert any('PROFILES_FILE' in name for name in context.environment)
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/mine.xml')
    actions, _ = load('fer_fusion.launch.py')
    assert not any(isinstance(each, launch.actions.SetEnvironmentVariable) for each in actions)


def test_replay_plays_the_lenses_and_nothing_else(install_prefix):
    actions, context = load('replay.launch.py', bag='/my/bag', namespace='robot')
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
    assert words[:5] == ['ros2', 'bag', 'play', '/my/bag', '--clock']
    topics = words[words.index('--topics') + 1 :]
    assert '/robot/vis_left/image_raw' in topics
    assert not [topic for topic in topics if 'expression' in topic]
    assert context.launch_configurations['use_sim_time'] == 'true'
