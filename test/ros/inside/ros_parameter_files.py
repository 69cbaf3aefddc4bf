"""A parameter file says the same to a ROS node as to `stream_infer run --config`."""

from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from stream_infer_ros.config import Config, FusionConfig, load_config
from stream_infer_ros.config.reference import commented_yaml
from stream_infer_ros.nodes.parameters import TreeParameters

CONFIG = Path(__file__).resolve().parents[3] / 'config'
BOTH_WAYS = """
/**:
  ros__parameters:
    cameras: [front, left]
    camera:
      left: {image_topic: /left_driver/image, compressed: true}
    bound_ms: 90
    sync.slop_ms: 12.5
    sync: {policy: exact}
stream_infer:
  ros__parameters:
    map: {size_m: 20}
another_node:
  ros__parameters:
    bound_ms: 1.0
"""


@contextmanager
def parameters_of(file, name='stream_infer', tree=Config, without=('graph',)):
    context = Context()
    rclpy.init(context=context)
    arguments = ['--ros-args', '--params-file', str(file)]
    node = Node(name, context=context, cli_args=arguments, use_global_arguments=False)
    try:
        yield TreeParameters(node, tree, without=without)
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_the_printed_file_is_the_defaults(tmp_path):
    file = tmp_path / 'all.yaml'
    file.write_text(commented_yaml())
    with parameters_of(file) as parameters:
        assert (parameters.config, parameters.problem) == (Config(), '')
        assert parameters.unknown == {}


def test_nested_and_dotted_names_sections_and_whole_numbers(tmp_path):
    file = tmp_path / 'both.yaml'
    file.write_text(BOTH_WAYS)
    with parameters_of(file) as parameters:
        assert parameters.config == load_config(file)
        assert parameters.config.camera['left'].compressed
        assert parameters.config.map.size_m == 20.0


@pytest.mark.parametrize('file', sorted(CONFIG.glob('stream_infer*.yaml')), ids=lambda file: file.name)
def test_shipped_files_mean_the_same_to_both(file):
    with parameters_of(file) as parameters:
        assert parameters.config == load_config(file)
        assert parameters.unknown == {}


def test_the_shipped_file_of_the_map_alone_reaches_its_node():
    file = CONFIG / 'occupancy_fusion.yaml'
    with parameters_of(file, 'occupancy_fusion', FusionConfig, ()) as parameters:
        assert set(parameters.config.camera) == {'front', 'rear'}
        assert parameters.unknown == {}
