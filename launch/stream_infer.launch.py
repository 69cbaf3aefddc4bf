"""Start the pipeline: detections and one map from the cameras on this graph.

`ros2 launch stream_infer_ros stream_infer.launch.py params_file:=my.yaml`

Without arguments every image topic on the graph is a camera. If an argument is left empty, the value in
`params_file` applies, and otherwise the default of the node.
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.conditions import IfCondition
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch.utilities.type_utils import coerce_to_type
from launch_ros.actions import LifecycleNode, Node
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'stream_infer_ros'
SHARE = FindPackageShare(PACKAGE)

# Launch argument -> (parameter of the node, type, description).
SETTINGS = {
    'cameras': ('cameras', list, 'Camera names, separated by commas: front,left'),
    'model': ('model.file', str, 'Model file'),
    'card': ('model.card', str, 'Model card: the name of a shipped card, or a YAML file'),
    'engine': ('engine.kind', str, 'Inference engine'),
    'device': ('engine.device', str, 'Device of the engine'),
    'precision': ('engine.precision', str, 'Numeric precision of the engine'),
    'bound_ms': (
        'bound_ms',
        float,
        'Latency bound in milliseconds, from the header stamp to the published result',
    ),
    'map_frame': ('map.map_frame', str, 'Fixed frame of the map'),
    'use_sim_time': ('use_sim_time', bool, 'Take the time from /clock'),
    'autostart': ('autostart', bool, 'Configure and activate automatically'),
}

# Used with `tf_in_namespace`. The relative names are in the namespace of the node, as in Nav2.
TF_IN_NAMESPACE = [('/tf', 'tf'), ('/tf_static', 'tf_static')]

# Fast DDS 2 and 3 read a profile from different variables. The third variable configures the transports.
FAST_DDS_VARIABLES = FAST_DDS_2, FAST_DDS_3, FAST_DDS_TRANSPORTS = (
    'FASTRTPS_DEFAULT_PROFILES_FILE',
    'FASTDDS_DEFAULT_PROFILES_FILE',
    'FASTDDS_BUILTIN_TRANSPORTS',
)
# Fast DDS loads these files from the working directory by default.
FAST_DDS_FILES = ('DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml')


def generate_launch_description() -> LaunchDescription:
    settings = [
        DeclareLaunchArgument(
            argument,
            default_value='',
            description=f'{words}. If empty, `{parameter}` of params_file applies.',
        )
        for argument, (parameter, _, words) in SETTINGS.items()
    ]
    return LaunchDescription(
        [
            DeclareLaunchArgument('namespace', default_value='', description='ROS namespace of the node.'),
            DeclareLaunchArgument(
                'tf_in_namespace',
                default_value='false',
                choices=['true', 'false'],
                description='Use the transforms of the namespace (/robot1/tf) instead of /tf and /tf_static.',
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=PathJoinSubstitution([SHARE, 'config', 'stream_infer.yaml']),
                description='ROS parameter file. `stream_infer config` prints all settings.',
            ),
            *settings,
            DeclareLaunchArgument(
                'build_only',
                default_value='false',
                description='Build or load the engine, then exit. This fills the cache and checks the model.',
            ),
            DeclareLaunchArgument(
                'log_level', default_value='info', description='The lowest level that is logged.'
            ),
            DeclareLaunchArgument(
                'fastdds_profile',
                default_value='auto',
                description='Fast DDS profile of all nodes that are launched after this file: auto (the '
                'shipped profile, unless the environment configures Fast DDS), none (no profile), or a '
                'file.',
            ),
            OpaqueFunction(function=fast_dds),
            DeclareLaunchArgument('rviz', default_value='false', description='Also start rviz2.'),
            DeclareLaunchArgument(
                'rviz_config',
                default_value='',
                description='Configuration of rviz2, which requires rviz:=true. If empty, one is made for '
                'the cameras of the node.',
            ),
            OpaqueFunction(function=check),
            OpaqueFunction(function=start),
            OpaqueFunction(function=rviz, condition=IfCondition(LaunchConfiguration('rviz'))),
        ]
    )


def check(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Refuse wrong arguments before any process is started, because it would be left running."""
    params_file(context)
    for argument in ('build_only', 'tf_in_namespace'):
        value(context, argument, bool)
    for argument, (_, kind, _) in SETTINGS.items():
        if value(context, argument, str):
            value(context, argument, kind)
    rviz_wanted = value(context, 'rviz', str).lower()
    if rviz_wanted not in ('true', 'false', '1', '0'):  # the values of IfCondition
        raise RuntimeError(f'rviz: expected true or false, got {rviz_wanted!r}')
    rviz_file = value(context, 'rviz_config', str)
    if rviz_file and not Path(rviz_file).is_file():
        raise RuntimeError(f'rviz_config: expected a file, there is none at {rviz_file}')
    if rviz_file and rviz_wanted not in ('true', '1'):
        return [LogInfo(msg=f'warning: rviz_config {rviz_file} is ignored; to start rviz2, add rviz:=true')]
    return []


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the node. With `build_only`, the launch ends when the node ends."""
    build_only = value(context, 'build_only', bool)
    given = {
        parameter: value(context, argument, kind)
        for argument, (parameter, kind, _) in SETTINGS.items()
        if value(context, argument, str)
    }
    # A dictionary is written under the node's full name, so it also overrides sections of that name.
    parameters = [params_file(context), *([given] if given else [])]
    node = LifecycleNode(
        package=PACKAGE,
        executable='stream_infer_node',
        name='stream_infer',
        namespace=LaunchConfiguration('namespace'),
        parameters=parameters,
        arguments=['--build-only'] if build_only else None,
        remappings=tf_remappings(context),
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        output='screen',
        on_exit=built if build_only else None,
    )
    return [node]


def rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start rviz2 with the given configuration, or with one that is written once the cameras are known.

    It subscribes to the same transforms as the pipeline.
    """
    common = {
        'namespace': LaunchConfiguration('namespace'),
        'remappings': tf_remappings(context),
        'output': 'screen',
    }
    file = value(context, 'rviz_config', str)
    if not file:
        return [Node(package=PACKAGE, executable='stream_infer_rviz', **common)]
    return [Node(package='rviz2', executable='rviz2', arguments=['-d', file], **common)]


def tf_remappings(context: LaunchContext) -> list[tuple[str, str]]:
    """Return the remappings of a node to the transforms of its namespace; none without `tf_in_namespace`."""
    return TF_IN_NAMESPACE if value(context, 'tf_in_namespace', bool) else []


def fast_dds(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Set the Fast DDS profile in the environment of everything that is launched after this."""
    profile = value(context, 'fastdds_profile', str)
    if profile == 'none':  # without it, the nodes of this package would set a profile
        return [SetEnvironmentVariable(FAST_DDS_TRANSPORTS, 'DEFAULT')]
    variables = context.environment
    if profile == 'auto':
        by_file = any(Path(name).is_file() for name in FAST_DDS_FILES)
        if by_file or any(name in variables for name in FAST_DDS_VARIABLES):
            return []
        local = variables.get('ROS_LOCALHOST_ONLY') == '1'
        local = local or variables.get('ROS_AUTOMATIC_DISCOVERY_RANGE') == 'LOCALHOST'
        file = 'fastdds_localhost.xml' if local else 'fastdds.xml'
        profile = PathJoinSubstitution([SHARE, 'config', file]).perform(context)
    elif not Path(profile).is_file():
        raise RuntimeError(f'fastdds_profile: expected auto, none or a file, there is none at {profile}')
    reads_older = variables.get('ROS_DISTRO') in ('humble', 'iron', 'jazzy')
    return [SetEnvironmentVariable(FAST_DDS_2 if reads_older else FAST_DDS_3, profile)]


def built(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """End the launch, with an exit code other than 0 if the engine could not be built."""
    if context.is_shutdown:  # interrupted
        return []
    if event.returncode:
        raise RuntimeError('the engine could not be built; the reason is in the log of stream_infer above')
    return [LogInfo(msg='the engine is ready'), Shutdown(reason='the engine is ready')]


def params_file(context: LaunchContext) -> str:
    """Return the path. If the file is missing, launch itself would only warn and start with defaults."""
    path = value(context, 'params_file', str)
    if not Path(path).is_file():
        raise RuntimeError(f'params_file: expected a file, there is none at {path}')
    return path


def value(context: LaunchContext, argument: str, kind: type) -> bool | float | str | list[str]:
    """Return a launch argument, converted to the type of its parameter."""
    text = LaunchConfiguration(argument).perform(context).strip()
    if kind is str:
        return text
    if kind is list:
        return [name.strip() for name in text.split(',') if name.strip()]
    try:
        return coerce_to_type(text, kind)
    except ValueError as error:
        expected = {bool: 'true or false', float: 'a number'}[kind]
        raise RuntimeError(f'{argument}: expected {expected}, got {text!r}') from error
