"""A network describes the outputs that its model lacks."""

import numpy as np
import pytest

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import parse_config
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.inputs.camera_topics import CameraTopics
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.steps.perceive import NetworkPerceiver
from stream_infer_ros.resources import default_model

onnx = pytest.importorskip('onnx', reason='onnx is not installed: the networks cannot be created')

from onnx import TensorProto, helper  # noqa: E402 - only where it is installed

SIZE = 64


def ones(path, shape, **metadata):
    """Write a network that returns ones for every input."""
    value = helper.make_tensor('one', TensorProto.FLOAT, [1], [1.0])
    sizes = helper.make_tensor('size', TensorProto.INT64, [len(shape)], shape)
    nodes = [
        helper.make_node('Constant', [], ['sizes'], value=sizes),
        helper.make_node('ConstantOfShape', ['sizes'], ['out'], value=value),
    ]
    pictures = helper.make_tensor_value_info('images', TensorProto.FLOAT, (1, 3, SIZE, SIZE))
    told = helper.make_tensor_value_info('out', TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, 'ones', [pictures], [told])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


def detector(folder):
    return ones(folder / 'm.onnx', (1, 6, 84), family='yolov8', class_names='cat,dog')


def segmentation(folder):
    return ones(folder / 'm.onnx', (1, 2, SIZE, SIZE), family='segmentation', class_names='road,car')


@pytest.mark.parametrize(
    ('write', 'words'),
    [
        (detector, 'boxes but no free space'),
        (segmentation, 'free ground but no boxes'),
        (lambda _: default_model(), ''),
    ],
)
def test_what_a_model_does_not_give_is_told_and_true(tmp_path, write, words):
    config = parse_config({'model': {'file': str(write(tmp_path))}}, 'test')
    with Network(config, 1) as network:
        assert words in network.limits(with_map=True)
        assert bool(network.limits(with_map=True)) == bool(words)
        picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
        topics = CameraTopics('front', '/front/image_raw', '/front/camera_info', compressed=False)
        perceiver = NetworkPerceiver(network, 0, [CameraState(topics)], CurrentSettings(config), Statistics())
        pictures = perceiver.letterbox([Frame('front', 0, 0, picture, 'rgb8', 'optical')])
        (image,) = perceiver.decode(perceiver.run(pictures, 1.0), pictures)
        seen = image.perception
        assert network.decoder.gives_free_space == (seen.free_space is not None)


def test_without_a_map_a_detector_lacks_nothing(tmp_path):
    config = parse_config({'model': {'file': str(detector(tmp_path))}}, 'test')
    with Network(config, 1) as network:
        assert network.limits(with_map=False) == ''
