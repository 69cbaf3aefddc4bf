"""The middleware seam: adapters that move CDR bytes."""

from stream_infer_ros.graph.adapters import GRAPHS, make_graph, wire_here
from stream_infer_ros.graph.bag import BagGraph
from stream_infer_ros.graph.graph import (
    CAMERA_INPUT,
    LATCHED,
    RELIABLE,
    SENSOR_DATA,
    TF,
    TF_STATIC,
    Cdr,
    Graph,
    OnMessage,
    Publisher,
    Qos,
    QosProblem,
    TopicInfo,
)
from stream_infer_ros.graph.memory import MemoryBus, MemoryGraph

__all__ = [
    'CAMERA_INPUT',
    'GRAPHS',
    'LATCHED',
    'RELIABLE',
    'SENSOR_DATA',
    'TF',
    'TF_STATIC',
    'BagGraph',
    'Cdr',
    'Graph',
    'MemoryBus',
    'MemoryGraph',
    'OnMessage',
    'Publisher',
    'Qos',
    'QosProblem',
    'TopicInfo',
    'make_graph',
    'wire_here',
]
