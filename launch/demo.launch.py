"""Simulated cameras and the pipeline: `ros2 launch stream_infer_ros demo.launch.py rviz:=true`."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackagePrefix, FindPackageShare

PACKAGE = 'stream_infer_ros'


def generate_launch_description() -> LaunchDescription:
    command = PathJoinSubstitution([FindPackagePrefix(PACKAGE), 'lib', PACKAGE, 'stream_infer'])
    pipeline = PathJoinSubstitution([FindPackageShare(PACKAGE), 'launch', 'stream_infer.launch.py'])
    return LaunchDescription(
        [
            DeclareLaunchArgument('seed', default_value='1', description='Seed of the simulated world.'),
            ExecuteProcess(
                cmd=[command, 'simulate', '--seed', LaunchConfiguration('seed')],
                name='camera_world',
                output='screen',
            ),
            # Its arguments (params_file, rviz, rviz_config) pass through under their own names.
            IncludeLaunchDescription(PythonLaunchDescriptionSource(pipeline)),
        ]
    )
