"""A network that leaves the size of its pictures open: the mean of each channel."""

from pathlib import Path

import pytest

onnx = pytest.importorskip('onnx', reason='onnx is not installed: no network of free size was written')


def write_free_size_network(path: Path) -> Path:
    floats = onnx.TensorProto.FLOAT
    pictures = onnx.helper.make_tensor_value_info('images', floats, ['n', 3, 'height', 'width'])
    mean = onnx.helper.make_tensor_value_info('mean', floats, ['n', 3])
    node = onnx.helper.make_node('ReduceMean', ['images'], ['mean'], axes=[2, 3], keepdims=0)
    graph = onnx.helper.make_graph([node], 'mean', [pictures], [mean])
    opsets = [onnx.helper.make_opsetid('', 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
