"""Play a bag through the pipeline: `ros2 launch stream_infer_ros replay.launch.py bag:=my_bag`.

The player starts paused, so that the pipeline finds its image topics. Once the pipeline is active, the
recording plays with its own clock. The launch ends with the recording.
This file sets `use_sim_time` and `autostart`, and accepts all other arguments of stream_infer.launch.py.
(`stream_infer replay my_bag` runs as fast as the machine allows, and gives the same result every time.)
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.event_handlers import OnProcessIO
from launch.events.process import ProcessExited, ProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.event_handlers import OnStateTransition

# Included by path and not by package, so that `ros2 launch --show-args` lists its arguments too.
PIPELINE = str(Path(__file__).with_name('stream_infer.launch.py'))
CLOCK_HZ = '100'
PLAYS = 'replay.plays'
RESUME = ('/rosbag2_player/resume', 'rosbag2_interfaces/srv/Resume')


def generate_launch_description() -> LaunchDescription:
    start = OpaqueFunction(function=resume)
    return LaunchDescription(
        [
            DeclareLaunchArgument('bag', description='Folder of the ROS 2 bag.'),
            DeclareLaunchArgument(
                'rate', default_value='1.0', description='Speed of the replay relative to the recording.'
            ),
            DeclareLaunchArgument(
                'loop',
                default_value='false',
                choices=['true', 'false'],
                description='Play the bag again when it has ended.',
            ),
            # Either of the two resumes the player. The event is lost if the node becomes active before it is
            # discovered, and the log line is lost if log_level hides it.
            RegisterEventHandler(OnStateTransition(goal_state='active', entities=[start])),
            RegisterEventHandler(OnProcessIO(on_stdout=heard, on_stderr=heard)),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(PIPELINE),
                launch_arguments={'use_sim_time': 'true', 'autostart': 'true'}.items(),
            ),
            OpaqueFunction(function=play),
        ]
    )


def heard(event: ProcessIO) -> list[LaunchDescriptionEntity]:
    """React to log lines of the pipeline about its state."""
    text = event.text.decode(errors='replace')
    if 'stream_infer]: active: ' in text:
        return [OpaqueFunction(function=resume)]
    if 'stream_infer]: cannot ' in text or 'stream_infer]: waiting for cameras: ' in text:
        return [OpaqueFunction(function=refuse)]
    return []


def play(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the player paused: messages played before the pipeline subscribes would be lost."""
    loop = LaunchConfiguration('loop').perform(context) == 'true'
    player = ExecuteProcess(
        cmd=[
            *('ros2', 'bag', 'play', LaunchConfiguration('bag')),
            *('--rate', LaunchConfiguration('rate'), '--clock', CLOCK_HZ, '--disable-keyboard-controls'),
            '--start-paused',
            *(['--loop'] if loop else []),
        ],
        name='bag_player',
        output='screen',
        on_exit=end,
    )
    return [player]


def resume(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Resume the player. Later calls do nothing."""
    if context.is_shutdown or PLAYS in context.launch_configurations:
        return []
    context.launch_configurations[PLAYS] = 'true'
    call = ['ros2', 'service', 'call', *RESUME]
    return [ExecuteProcess(cmd=call, name='resume', output='log', on_exit=resumed)]


def resumed(event: ProcessExited, context: LaunchContext) -> None:
    """End the launch with an exit code other than 0 if the player could not be reached."""
    if event.returncode and not context.is_shutdown:
        raise RuntimeError(f'the player did not answer: ros2 service call {" ".join(RESUME)} failed')


def end(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Shut down when the bag has ended; the exit code is not 0 if it could not be played."""
    if context.is_shutdown:  # a launch that is shut down twice ends with an error
        return []
    if event.returncode:
        raise RuntimeError('the bag could not be played; the reason is in the log of bag_player above')
    words = 'the bag has ended'
    return [LogInfo(msg=words), Shutdown(reason=words)]


def refuse(context: LaunchContext) -> None:
    """End the launch with an exit code other than 0."""
    if not context.is_shutdown:
        raise RuntimeError('the pipeline did not come up; the reason is in the log of stream_infer above')
