"""The executables of the nodes: `ros2 run stream_infer_ros <function here>`.

Their modules (rclpy, numpy, OpenCV) take a second to load, and longer on a busy machine. They are loaded once
signals are handled, so that Ctrl-C ends a node during that time too.
"""

from __future__ import annotations

import sys
from importlib import import_module

from stream_infer_ros.cli.main import main
from stream_infer_ros.cli.stopping import GRACE_S, end_now, exit_on_signal, stop_on_signal

RVIZ_HELP = """usage: stream_infer_rviz [OPTIONS OF RVIZ2] [--ros-args ...]

Start rviz2 with displays for the cameras of the node stream_infer: images with detections, scans, objects and
map. The command waits until the node runs and its cameras are known, and then starts rviz2 with the same
arguments.

For a node in a namespace: stream_infer_rviz --ros-args -r __ns:=/robot1"""


def stream_infer_node() -> None:
    """Run the node `stream_infer`: many cameras, one engine, detections per camera and one map.

    `--build-only`: build or load the engine and end; exit code 1 if that failed.
    """
    if '--build-only' in sys.argv:
        _run('stream_infer_node', 'StreamInferNode', 'configure_once', code=1)
    else:
        _run('stream_infer_node', 'StreamInferNode')


def camera_world_node() -> None:
    """Run the node `camera_world`: simulated cameras on a simulated robot."""
    _run('camera_world_node', 'CameraWorldNode')


def occupancy_fusion_node() -> None:
    """Run the node `occupancy_fusion`: only the map, from the detections of any detector."""
    _run('occupancy_fusion_node', 'OccupancyFusionNode')


def stream_infer_rviz() -> None:
    """Start rviz2 with displays for the cameras of the node `stream_infer`."""
    if {'-h', '--help'} & set(sys.argv[1:]):
        print(RVIZ_HELP)
        return
    exit_on_signal(0)
    start_rviz = import_module('stream_infer_ros.nodes.rviz_start').start_rviz
    with stop_on_signal(for_good=True) as stop:
        start_rviz(stop)


def doctor() -> None:
    """Run `stream_infer doctor` on the graph of ROS, unless --graph names another."""
    given = sys.argv[1:]
    if '--ros-args' in given:  # `ros2 launch` adds them
        given = given[: given.index('--ros-args')]
    if not any(option.split('=')[0] == '--graph' for option in given):
        given += ['--graph', 'ros']
    sys.argv[1:] = ['doctor', *given]
    main()


def _run(module: str, node: str, how: str = 'run_node', code: int = 0) -> None:
    """Load and run a node; `code` is the exit code if a signal ends it before it can end in order."""
    exit_on_signal(code)
    try:
        run = getattr(import_module('stream_infer_ros.nodes.running'), how)
        made_by = getattr(import_module(f'stream_infer_ros.nodes.{module}'), node)
    except ModuleNotFoundError as error:
        sys.exit(
            f'error: the Python module {error.name} is missing in {sys.executable}: follow the install '
            'steps in docs/how-to/install-on-ros2.md (rosdep, a virtual environment, colcon started with its '
            'Python)'
        )
    with stop_on_signal(for_good=True, grace_s=GRACE_S, code=code) as stop:
        run(made_by, stop)
        end_now(0)
