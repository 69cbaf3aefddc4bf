"""The executables of the nodes: `ros2 run stream_infer_ros <function here>`.

What they are made of (rclpy, numpy, OpenCV) takes a second to load, and so is loaded once signals are heard:
a Ctrl-C in that second ends a node as any other does.
"""

from __future__ import annotations

import sys
from importlib import import_module

from stream_infer_ros.cli.stopping import stop_on_signal


def stream_infer_node() -> None:
    """Many cameras, one engine, detections per camera and one map.

    `--build-only`: build or load the engine and end; exit code 1 if that failed.
    """
    how = 'configure_once' if '--build-only' in sys.argv else 'run_node'
    _run('stream_infer_node', 'StreamInferNode', how)


def camera_world_node() -> None:
    """Simulated cameras on a simulated robot."""
    _run('camera_world_node', 'CameraWorldNode')


def occupancy_fusion_node() -> None:
    """The map alone, of anybody's detections."""
    _run('occupancy_fusion_node', 'OccupancyFusionNode')


def stream_infer_rviz() -> None:
    """rviz2, with displays for the cameras of the node `stream_infer`."""
    with stop_on_signal(for_good=True) as stop:
        import_module('stream_infer_ros.nodes.rviz_start').start_rviz(stop)


def _run(module: str, node: str, how: str = 'run_node') -> None:
    with stop_on_signal(for_good=True) as stop:
        running = import_module('stream_infer_ros.nodes.running')
        made_by = getattr(import_module(f'stream_infer_ros.nodes.{module}'), node)
        getattr(running, how)(made_by, stop)
