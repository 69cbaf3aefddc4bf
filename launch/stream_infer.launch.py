"""Detections and one map from the cameras on this graph.

`ros2 launch stream_infer_ros stream_infer.launch.py` starts `stream_infer run`, which joins the graph over
DDS as a participant of its own.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackagePrefix, FindPackageShare

PACKAGE = 'stream_infer_ros'


def generate_launch_description() -> LaunchDescription:
    share = FindPackageShare(PACKAGE)
    command = PathJoinSubstitution([FindPackagePrefix(PACKAGE), 'lib', PACKAGE, 'stream_infer'])
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution([share, 'config', 'stream_infer.yaml']),
                description='Parameter file; `stream_infer config` prints every setting.',
            ),
            DeclareLaunchArgument('rviz', default_value='false', description='Start rviz2 beside it.'),
            DeclareLaunchArgument(
                'rviz_config',
                default_value=PathJoinSubstitution([share, 'config', 'stream_infer.rviz']),
                description='rviz configuration.',
            ),
            ExecuteProcess(
                cmd=[command, 'run', '--config', LaunchConfiguration('params_file'), '--plain'],
                name='stream_infer',
                output='screen',
            ),
            Node(
                package='rviz2',
                executable='rviz2',
                arguments=['-d', LaunchConfiguration('rviz_config')],
                condition=IfCondition(LaunchConfiguration('rviz')),
            ),
        ]
    )
