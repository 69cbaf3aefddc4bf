"""Conversion of rclpy's errors to graph errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.context import Context
from rclpy.exceptions import InvalidHandle

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.ros.rclpy_internals import RCLError


@contextmanager
def as_graph_error(doing: str, context: Context, see: str = '') -> Iterator[None]:
    """Turn an error of rclpy into a GraphError with the operation, the reason and a hint.

    From Kilted on, shutting down a context also destroys its nodes.

    Args:
        doing: the operation, e.g. 'listing topics'.
        context: the context of the node.
        see: a hint that is appended to the error.
    """
    try:
        yield
    except (InvalidHandle, RCLError) as error:
        said = ' '.join(str(error).split())
        if not context.ok():
            why = f'the ROS context is not up, or was shut down ({said}); make a new graph in a new context'
        elif isinstance(error, InvalidHandle):
            why = 'the node was destroyed; close the graph before its node'
        else:
            why = f'ROS refused ({said})'
        raise GraphError('; '.join(filter(None, [f'{doing}: {why}', see]))) from error
