"""Simulated cameras and the pipeline: `ros2 launch stream_infer_ros demo.launch.py rviz:=true`.

Accepts all arguments of stream_infer.launch.py. The world simulates the cameras that `cameras` names
(cam0,cam1 and so on; six by default), and with `use_sim_time` it publishes /clock.
"""

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

# Included by path and not by package, so that `ros2 launch --show-args` lists its arguments too.
PIPELINE = str(Path(__file__).with_name('stream_infer.launch.py'))
# Humble knows only the older variable; later distributions warn about it.
ON_HUMBLE = os.environ.get('ROS_DISTRO') == 'humble'
LOOPBACK = ('ROS_LOCALHOST_ONLY', '1') if ON_HUMBLE else ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'cameras',
                default_value='cam0,cam1,cam2,cam3,cam4,cam5',
                description='Simulated cameras, separated by commas: cam0,cam1 and so on.',
            ),
            DeclareLaunchArgument('seed', default_value='1', description='Seed of the simulated world.'),
            DeclareLaunchArgument(
                'rate', default_value='10.0', description='Images per second of each simulated camera.'
            ),
            DeclareLaunchArgument(
                'loopback', default_value='true', description='Keep all packets on this machine.'
            ),
            SetEnvironmentVariable(*LOOPBACK, condition=IfCondition(LaunchConfiguration('loopback'))),
            # Before any process is started, because it would be left running.
            OpaqueFunction(function=check_cameras),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(PIPELINE)),
            OpaqueFunction(function=world),
        ]
    )


def camera_names(context: LaunchContext) -> list[str]:
    """Return the names that the argument `cameras` lists."""
    names = [name.strip() for name in LaunchConfiguration('cameras').perform(context).split(',')]
    return [name for name in names if name]


def check_cameras(context: LaunchContext) -> None:
    """Refuse cameras that the world does not simulate."""
    named = camera_names(context)
    simulated = [f'cam{i}' for i in range(len(named))]
    if sorted(named) != sorted(simulated):  # the pipeline would wait for other cameras forever
        raise RuntimeError(
            f'cameras: expected the simulated cameras {", ".join(simulated)}, got {", ".join(named)}; use '
            'stream_infer.launch.py for other cameras'
        )
    if not named:
        raise RuntimeError('cameras: expected at least cam0, got none')


def world(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the simulated cameras, in the namespace of the pipeline."""
    parameters = {
        'seed': ParameterValue(LaunchConfiguration('seed'), value_type=int),
        'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
        'cameras': len(camera_names(context)),
    }
    if LaunchConfiguration('use_sim_time').perform(context).lower() == 'true':
        parameters['clock'] = True
    return [
        Node(
            package='stream_infer_ros',
            executable='camera_world_node',
            name='camera_world',
            namespace=LaunchConfiguration('namespace'),
            parameters=[parameters],
            remappings=tf_remappings(context),
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            output='screen',
        )
    ]


def tf_remappings(context: LaunchContext) -> list[tuple[str, str]]:
    """Return remappings that publish the transforms on the topics that the pipeline subscribes to."""
    in_namespace = LaunchConfiguration('tf_in_namespace').perform(context) == 'true'
    return [('/tf', 'tf'), ('/tf_static', 'tf_static')] if in_namespace else []
