"""A bag through the graph: `ros2 launch stream_infer_ros replay.launch.py bag:=my_bag`.

The recording plays once the pipeline is active, with its own clock, and ends the launch when it ends.
`use_sim_time` and `autostart` are set here; all other arguments of stream_infer.launch.py hold.
(`stream_infer replay my_bag` goes as fast as the machine can, and gives the same result every time.)
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from lifecycle_msgs.msg import Transition

# By path and not by package: so `ros2 launch --show-args` lists its arguments too.
PIPELINE = str(Path(__file__).with_name('stream_infer.launch.py'))
CLOCK_HZ = '100'


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument('bag', description='Folder of the ROS 2 bag.'),
            DeclareLaunchArgument('rate', default_value='1.0', description='Speed of the replay.'),
            DeclareLaunchArgument(
                'loop',
                default_value='false',
                choices=['true', 'false'],
                description='Begin again at the end.',
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(PIPELINE),
                launch_arguments={'use_sim_time': 'true', 'autostart': 'false'}.items(),
            ),
            OpaqueFunction(function=play),
        ]
    )


def play(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Bring the pipeline up, then start the player: what is played before would be lost."""
    loop = LaunchConfiguration('loop').perform(context) == 'true'
    player = ExecuteProcess(
        cmd=[
            *('ros2', 'bag', 'play', LaunchConfiguration('bag')),
            *('--rate', LaunchConfiguration('rate'), '--clock', CLOCK_HZ, '--disable-keyboard-controls'),
            *(['--loop'] if loop else []),
        ],
        name='bag_player',
        output='screen',
        on_exit=OpaqueFunction(function=end),
    )
    failed = OpaqueFunction(function=refuse)
    return [
        after('configuring', 'inactive', transition(Transition.TRANSITION_ACTIVATE)),
        after('activating', 'active', player),
        *(after(state, 'unconfigured', failed) for state in ('configuring', 'errorprocessing')),
        after('activating', 'inactive', failed),
        transition(Transition.TRANSITION_CONFIGURE),
    ]


def transition(transition_id: int) -> EmitEvent:
    """Ask for a transition of the pipeline, the one lifecycle node of this launch."""
    return EmitEvent(event=ChangeState(lifecycle_node_matcher=lambda node: True, transition_id=transition_id))


def after(start_state: str, goal_state: str, action: LaunchDescriptionEntity) -> RegisterEventHandler:
    """`action` once the pipeline has gone from one state to the other."""
    return RegisterEventHandler(
        OnStateTransition(start_state=start_state, goal_state=goal_state, entities=[action])
    )


def end(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Shut down with the bag; a launch that is shut down twice ends with an error."""
    words = 'the bag has ended'
    return [] if context.is_shutdown else [LogInfo(msg=words), Shutdown(reason=words)]


def refuse(context: LaunchContext) -> None:
    """Ends the launch with an exit code other than 0."""
    raise RuntimeError('the pipeline did not come up; the reason is in the log of stream_infer above')
