"""Play the lenses' topics of a bag and recognise the expressions in it, in the bag's time."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
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
                description='seconds that the nodes get to start before the bag does',
            ),
            DeclareLaunchArgument('namespace', default_value='fer', description='as recorded'),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(MAIN)),
                launch_arguments={'cameras': 'false', 'use_sim_time': 'true'}.items(),
            ),
            OpaqueFunction(function=_player),
        ]
    )


def _player(context: LaunchContext) -> list[ExecuteProcess]:
    given = {
        name: LaunchConfiguration(name).perform(context)
        for name in ('bag', 'rate', 'loop', 'delay', 'namespace')
    }
    namespace = given['namespace'].strip('/')
    # Results that were recorded too would mix with the new ones.
    topics = [
        f'/{namespace}/{lens}/{topic}'
        for lens in LENSES
        for topic in ('image_raw', 'image_raw/compressed', 'camera_info')
    ]
    command = ['ros2', 'bag', 'play', given['bag'], '--clock', '--rate', given['rate']]
    command += ['--delay', given['delay'], *(['--loop'] if given['loop'] == 'true' else [])]
    return [ExecuteProcess(cmd=[*command, '--topics', *topics], output='both')]
