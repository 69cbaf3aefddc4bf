"""Networks that return the same outputs for every picture, as ONNX files."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_constant(
    path: Path,
    outputs: dict[str, np.ndarray],
    metadata: dict[str, str] | None = None,
    shape: tuple[int, ...] = (1, 3, 64, 96),
    input_name: str = 'images',
) -> Path:
    """Write a network whose outputs are `outputs`, float32, in this order."""
    nodes = [
        helper.make_node('ReduceMean', [input_name], ['mean'], keepdims=0),
        helper.make_node('Mul', ['mean', 'zero'], ['nothing']),
    ]
    constants, infos = [numpy_helper.from_array(np.float32(0), 'zero')], []
    for name, value in outputs.items():
        constants.append(numpy_helper.from_array(value.astype(np.float32), f'{name}_constant'))
        nodes.append(helper.make_node('Add', [f'{name}_constant', 'nothing'], [name]))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape))
    pictures = helper.make_tensor_value_info(input_name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, 'constant', [pictures], infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path
