"""Errors of rclpy as errors of a graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.context import Context
from rclpy.exceptions import InvalidHandle

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.ros.rclpy_internals import RCLError


@contextmanager
def as_graph_error(doing: str, context: Context) -> Iterator[None]:
    """Turn an error of rclpy into a GraphError that says what was being done and why it failed.

    From Kilted on, the end of a context also destroys its nodes.
    """
    try:
        yield
    except (InvalidHandle, RCLError) as error:
        if not context.ok():
            why = f'the ROS context is not up, or was shut down ({error}); make a new graph in a new context'
        elif isinstance(error, InvalidHandle):
            why = 'the node was destroyed; close the graph before its node'
        else:
            why = f'ROS refused ({error})'
        raise GraphError(f'{doing}: {why}') from error
