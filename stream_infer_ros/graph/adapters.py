"""The live adapters by name. A middleware is imported only when a graph of its kind is created."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable

from stream_infer_ros.config import GraphConfig, WireKind
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import Graph
from stream_infer_ros.graph.memory import MemoryBus, MemoryGraph
from stream_infer_ros.graph.security import refuse_if_enforced

_process_bus = MemoryBus()


def _memory(_: GraphConfig) -> Graph:
    return MemoryGraph(_process_bus)


def _dds(config: GraphConfig) -> Graph:
    try:
        from stream_infer_ros.graph.dds import DdsGraph  # noqa: PLC0415 (its import loads Cyclone DDS)
    except ImportError as error:
        if (error.name or '').split('.')[0] != 'cyclonedds':
            raise
        raise GraphError(
            f'graph.kind dds needs Cyclone DDS, which is not installed here ({error}): '
            'pip install cyclonedds==11.0.1. Without a wheel (Linux on aarch64, Python 3.14), build '
            'Cyclone DDS from source, or use graph.kind zenoh, which needs rmw_zenoh in the ROS 2 nodes'
        ) from error
    refuse_if_enforced('dds', os.environ)
    return DdsGraph(config)


def _zenoh(config: GraphConfig) -> Graph:
    try:
        from stream_infer_ros.graph.zenoh import ZenohGraph  # noqa: PLC0415 (its import loads zenoh)
    except ImportError as error:
        if (error.name or '').split('.')[0] not in ('zenoh', 'xxhash'):
            raise
        raise GraphError(
            f'graph.kind zenoh needs eclipse-zenoh and xxhash, and at least one is not installed here '
            f'({error}): '
            "pip install 'stream_infer_ros[zenoh]', or pip install eclipse-zenoh xxhash"
        ) from error
    refuse_if_enforced('zenoh', os.environ)
    return ZenohGraph(config)


def _ros(config: GraphConfig) -> Graph:
    try:
        from stream_infer_ros.graph.ros import OwnNodeGraph  # noqa: PLC0415 (its import loads rclpy)
    except ImportError as error:
        if (error.name or '').startswith('stream_infer_ros'):
            raise
        version = f'{sys.version_info.major}.{sys.version_info.minor}'
        raise GraphError(
            f'graph.kind ros needs rclpy for Python {version}, which was not found ({error}): source the '
            'setup.bash of a ROS 2 installation, or use graph.kind dds, which needs no ROS'
        ) from error
    graph: Graph = OwnNodeGraph(config)
    return graph


GRAPHS: dict[str, Callable[[GraphConfig], Graph]] = {
    'dds': _dds,
    'zenoh': _zenoh,
    'memory': _memory,
    'ros': _ros,
}


def make_graph(config: GraphConfig) -> Graph:
    """Return a graph of the configured kind. Graphs of kind `memory` are connected within the process.

    Raises:
        GraphError: the middleware is not installed, or does not accept the configuration.
    """
    return GRAPHS[config.kind](config)


def wire_here() -> WireKind:
    """Return the kind that reaches other processes here: dds, or zenoh if Cyclone DDS is not installed."""
    return 'dds' if importlib.util.find_spec('cyclonedds') is not None else 'zenoh'
