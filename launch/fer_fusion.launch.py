"""Start the lenses (or the simulated rig), everything up to expressions, and RViz on request."""

import os
from pathlib import Path

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from fer_fusion_ros.messages.transport import use_shared_memory_profile

PACKAGE = 'fer_fusion_ros'
SHARE = Path(get_package_share_directory(PACKAGE))
STAGES = ('registration', 'fusion', 'expression')
RVIZ_TOPICS = (
    'overlay/image',
    'left/fused/image',
    'left/ir/image_registered',
    'right/ir/image_registered',
    'left/vis/image_registered',
    'right/vis/image_registered',
    'markers',
)
"""Topics in config/fer_fusion.rviz, where they stand under /fer."""

BOOL = ('true', 'false')
ARGUMENTS = (
    ('namespace', 'fer', 'namespace of all nodes and topics', None),
    ('params_file', str(SHARE / 'config' / 'fer_fusion.yaml'), 'parameters of all nodes', None),
    ('cameras', 'true', 'start camera_array; false when other drivers publish', BOOL),
    (
        'source',
        '',
        "where the lenses' images come from: rig (simulated), a folder, a video or an address, in "
        'which {lens} stands for the name of the lens; empty: as the parameters say',
        None,
    ),
    (
        'image_transport',
        '',
        "how the lenses' images come; empty: as the parameters say",
        ('', 'raw', 'compressed'),
    ),
    ('composed', 'true', 'one pipeline process; false: one process per stage', BOOL),
    ('rviz', 'false', 'start RViz', BOOL),
    ('use_sim_time', 'false', 'take the time from /clock', BOOL),
    ('log_level', 'info', 'least severity to log', None),
)
"""Name, default, description and choices, if any."""


def generate_launch_description() -> LaunchDescription:
    """Return the launch description."""
    profile: dict[str, str] = dict(os.environ)
    use_shared_memory_profile(profile)
    added = {name: value for name, value in profile.items() if os.environ.get(name) != value}
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                name,
                default_value=default,
                description=description,
                choices=choices,
            )
            for name, default, description, choices in ARGUMENTS
        ]
        + [SetEnvironmentVariable(name, value) for name, value in added.items()]
        + [OpaqueFunction(function=_nodes)]
    )


def _nodes(context: LaunchContext) -> list[Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    # In `params_file:=~/…` the shell leaves the ~ as it is.
    given['params_file'] = os.path.expanduser(given['params_file'])
    _check(given)
    time = {'use_sim_time': given['use_sim_time'] == 'true'}
    namespace = given['namespace'].strip('/')
    prefix = f'/{namespace}' if namespace else ''

    def node(executable: str, **parameters: object) -> Node:
        return Node(
            package=PACKAGE,
            executable=executable,
            namespace=namespace,
            parameters=[given['params_file'], {**time, **parameters}],
            ros_arguments=['--log-level', given['log_level']],
            output='both',
            emulate_tty=True,
        )

    transport = given['image_transport']
    nodes = []
    if given['cameras'] == 'true':
        source = {'source': given['source']} if given['source'] else {}
        compressed = {'compressed': True} if transport == 'compressed' else {}
        nodes.append(node('camera_array', **source, **compressed))
    for executable in ('pipeline',) if given['composed'] == 'true' else STAGES:
        # What comes from registration is never compressed.
        reads_lenses = executable in ('pipeline', 'registration')
        chosen = {'image_transport': transport} if transport and reads_lenses else {}
        nodes.append(node(executable, **chosen))
    if given['rviz'] == 'true':
        nodes.append(
            Node(
                package='rviz2',
                executable='rviz2',
                arguments=['-d', str(SHARE / 'config' / 'fer_fusion.rviz')],
                parameters=[time],
                remappings=[(f'/fer/{topic}', f'{prefix}/{topic}') for topic in RVIZ_TOPICS],
            )
        )
    return nodes


def _check(given: dict[str, str]) -> None:
    """Say what cannot be started before anything is: launch would leave alone what runs."""
    if not Path(given['params_file']).is_file():
        raise RuntimeError(f'params_file:={given["params_file"]}: there is no such file')
    if given['rviz'] == 'true':
        try:
            get_package_prefix('rviz2')
        except PackageNotFoundError:
            package = f'ros-{os.environ.get("ROS_DISTRO", "<distribution>")}-rviz2'
            raise RuntimeError(
                f'rviz:=true, but RViz is not installed: sudo apt install {package}'
            ) from None
