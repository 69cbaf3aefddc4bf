"""Where no ROS is sourced, `graph.kind: ros` says what to do."""

import importlib.util

import pytest

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import make_graph


@pytest.mark.skipif(importlib.util.find_spec('rclpy') is not None, reason='rclpy is here: nothing is missing')
def test_without_rclpy_the_error_says_what_to_source():
    with pytest.raises(GraphError, match=r'needs rclpy .* source the setup\.bash'):
        make_graph(GraphConfig(kind='ros'))
