"""Play the lenses' topics of a bag and recognise the expressions in it, in the bag's time."""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    Shutdown,
    TimerAction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from fer_fusion_ros.lenses.names import LENSES

SHARE = Path(get_package_share_directory('fer_fusion_ros'))
MAIN = SHARE / 'launch' / 'fer_fusion.launch.py'


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('bag', description='folder of the bag'),
            DeclareLaunchArgument('rate', default_value='1.0', description='speed of the replay'),
            DeclareLaunchArgument(
                'loop',
                default_value='false',
                choices=['true', 'false'],
                description='play it again and again',
            ),
            DeclareLaunchArgument(
                'delay',
                default_value='3.0',
                description='seconds the nodes get to start before the bag does, without loop',
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                choices=['true', 'false'],
                description='start RViz; without it all ends with the bag',
            ),
            DeclareLaunchArgument('namespace', default_value='fer', description='as recorded'),
            DeclareLaunchArgument(
                'image_transport',
                default_value='',
                choices=['', 'raw', 'compressed'],
                description='images to use; empty: those that the bag has',
            ),
            OpaqueFunction(function=_nodes),
            OpaqueFunction(function=_player),
        ]
    )


def _nodes(context: LaunchContext) -> list[IncludeLaunchDescription]:
    bag, prefix = _bag(context), _prefix(context)
    transport = LaunchConfiguration('image_transport').perform(context)
    if not bag.exists():
        raise RuntimeError(f'bag:={bag}: there is no such bag')
    arguments = {
        'cameras': 'false',
        'use_sim_time': 'true',
        'image_transport': transport or _recorded_transport(bag, prefix),
    }
    source = PythonLaunchDescriptionSource(str(MAIN))
    return [IncludeLaunchDescription(source, launch_arguments=arguments.items())]


def _bag(context: LaunchContext) -> Path:
    """Return the path of the bag, whose ~ the shell leaves as it is in `bag:=~/…`."""
    return Path(LaunchConfiguration('bag').perform(context)).expanduser()


def _prefix(context: LaunchContext) -> str:
    """Return what topics begin with, '' in the root namespace."""
    namespace = LaunchConfiguration('namespace').perform(context).strip('/')
    return f'/{namespace}' if namespace else ''


def _recorded_transport(bag: Path, prefix: str) -> str:
    """Return how the images were recorded; '' when in both ways, or when the bag does not say."""
    try:
        information = yaml.safe_load((bag / 'metadata.yaml').read_text(encoding='utf-8'))
        topics = information['rosbag2_bagfile_information']['topics_with_message_count']
        recorded = {each['topic_metadata']['name'] for each in topics if each['message_count']}
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return ''  # the player says what is wrong with it
    raw = {f'{prefix}/{lens}/image_raw' for lens in LENSES}
    found = {'raw': raw, 'compressed': {f'{topic}/compressed' for topic in raw}}
    ways = [name for name, topics in found.items() if topics & recorded]
    return ways[0] if len(ways) == 1 else ''


def _player(context: LaunchContext) -> list[ExecuteProcess]:
    given = {
        name: LaunchConfiguration(name).perform(context)
        for name in ('rate', 'loop', 'delay', 'rviz')
    }
    prefix = _prefix(context)
    # Results that were recorded too would mix with the new ones.
    topics = [
        f'{prefix}/{lens}/{topic}'
        for lens in LENSES
        for topic in ('image_raw', 'image_raw/compressed', 'camera_info')
    ]
    command = ['ros2', 'bag', 'play', str(_bag(context)), '--clock', '--rate', given['rate']]
    # The player would wait before each round, and the lenses be silent meanwhile.
    command += ['--loop'] if given['loop'] == 'true' else ['--delay', given['delay']]
    # The nodes get time for the last images.
    end = TimerAction(period=2.0, actions=[Shutdown(reason='the bag has ended')])
    on_exit = [end] if given['rviz'] == 'false' else None
    return [ExecuteProcess(cmd=[*command, '--topics', *topics], output='both', on_exit=on_exit)]
