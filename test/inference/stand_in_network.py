"""A tiny ONNX network that keeps the contract of the surround family; its outputs depend on the picture."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from stream_infer_ros.inference.surround_contract import BOX_FIELDS, BOXES, METADATA

_TYPES = {'uint8': TensorProto.UINT8, 'float32': TensorProto.FLOAT, 'int64': TensorProto.INT64}


def write_stand_in(
    path: Path,
    *,
    batch: int | str = 'batch',
    height: int | str = 240,
    width: int | str = 320,
    dtype: str = 'uint8',
    layout: str = 'nhwc',
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write the network; strings stand for free dimensions. Returns the path."""
    rows, columns = 60, 80
    rng = np.random.default_rng(1)
    weights = rng.normal(0.0, 0.01, (3 * rows * columns // 16, BOXES * BOX_FIELDS)).astype(np.float32)
    constants = {
        'weights': weights,
        'scale': np.float32(1 / 255),
        'box_shape': np.array([-1, BOXES, BOX_FIELDS]),
        'column_shape': np.array([-1, columns, 1]),
        'ground_shape': np.array([-1, rows, columns]),
    }
    nodes = [helper.make_node('Cast', ['images'], ['floats'], to=TensorProto.FLOAT)]
    if layout == 'nhwc':
        nodes.append(helper.make_node('Transpose', ['floats'], ['planes'], perm=[0, 3, 1, 2]))
    else:
        nodes.append(helper.make_node('Identity', ['floats'], ['planes']))
    nodes += [
        helper.make_node('Mul', ['planes', 'scale'], ['unit']),
        helper.make_node('AveragePool', ['unit'], ['cells'], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node('ReduceMean', ['cells'], ['mean'], axes=[1], keepdims=0),
        helper.make_node('Reshape', ['mean', 'ground_shape'], ['ground']),
        helper.make_node('ReduceMean', ['mean'], ['column'], axes=[1], keepdims=0),
        helper.make_node('Reshape', ['column', 'column_shape'], ['confidence']),
        helper.make_node('Neg', ['confidence'], ['row']),
        helper.make_node('Concat', ['row', 'confidence'], ['free_space'], axis=2),
        helper.make_node('AveragePool', ['cells'], ['coarse'], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node('Flatten', ['coarse'], ['flat']),
        helper.make_node('MatMul', ['flat', 'weights'], ['mixed']),
        helper.make_node('Reshape', ['mixed', 'box_shape'], ['boxes']),
    ]
    shape = [batch, height, width, 3] if layout == 'nhwc' else [batch, 3, height, width]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        'stand_in',
        [helper.make_tensor_value_info('images', _TYPES[dtype], shape)],
        [
            helper.make_tensor_value_info('boxes', floats, [batch, BOXES, BOX_FIELDS]),
            helper.make_tensor_value_info('free_space', floats, [batch, columns, 2]),
            helper.make_tensor_value_info('ground', floats, [batch, rows, columns]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return _save(graph, path, METADATA if metadata is None else metadata)


def write_identity(path: Path, shape: list[int | str], dtype: str = 'float32', inputs: int = 1) -> Path:
    """Write a network that hands its inputs through: for refusals. Returns the path."""
    names = [f'in{index}' for index in range(inputs)]
    graph = helper.make_graph(
        [helper.make_node('Identity', [name], [f'{name}_out']) for name in names],
        'identity',
        [helper.make_tensor_value_info(name, _TYPES[dtype], shape) for name in names],
        [helper.make_tensor_value_info(f'{name}_out', _TYPES[dtype], shape) for name in names],
    )
    return _save(graph, path, {})


def _save(graph: onnx.GraphProto, path: Path, metadata: dict[str, str]) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
