"""Add cast, transpose and normalisation of uint8 pictures to a network, so that the GPU does them.

Only a quarter of the bytes is copied to the device then, and the CPU converts no pixels. TensorRT supports
uint8 only for an input that a Cast reads directly. The stage therefore begins with a Cast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.engines.runtime import import_runtime
from stream_infer_ros.inference.engines.tensorrt.graph_uses import free_name, names_in, readers
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput

# These operators do not change values. They give the same result before and after a Cast.
_MOVES = {'Transpose', 'Reshape', 'Identity', 'Slice', 'Squeeze', 'Unsqueeze', 'Flatten', 'Split', 'Concat'}


@dataclass(frozen=True, slots=True)
class Staged:
    """A network with uint8 NHWC input.

    Attributes:
        model: the ModelProto, a copy.
        image_input: its input.
        nodes: names of the added nodes.
    """

    model: Any
    image_input: ImageInput
    nodes: frozenset[str]


def with_pictures_in(model: Any, image: ImageInput) -> Staged:
    """Return a copy of `model` whose input is uint8 NHWC pictures of the size of `image`.

    Raises ModelError if the network computes with uint8 values.
    """
    onnx = import_runtime('onnx')
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    del graph.value_info[:]  # types and sizes change
    tensor = next(value for value in graph.input if value.name == image.name)
    if image.dtype == 'uint8':
        _check_that_uint8_is_cast(graph, image.name)
    cast_follows = all(node.op_type == 'Cast' for node in readers(graph).get(image.name, []))
    if image.dtype == 'uint8' and image.layout == 'nhwc' and cast_follows:
        _set_shape(tensor, image)
        return Staged(changed, image, frozenset())
    taken = names_in(graph)
    stage = _stage(onnx, image, taken)
    pictures = replace(image, name=stage[0].input[0], dtype='uint8', layout='nhwc', normalisation=AS_THEY_ARE)
    tensor.name = pictures.name
    tensor.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    _set_shape(tensor, pictures)
    graph.initializer.extend(_constants(onnx, image, stage))
    nodes = [*stage, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return Staged(changed, pictures, frozenset(node.name for node in stage))


def _stage(onnx: Any, image: ImageInput, taken: set[str]) -> list[Any]:
    """Return the chain of nodes from the new input to the original input tensor."""
    floats, halves = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    steps: list[tuple[str, dict[str, Any]]] = [('Cast', {'to': floats})]
    if image.layout == 'nchw':
        steps.append(('Transpose', {'perm': [0, 3, 1, 2]}))
    if image.normalisation != AS_THEY_ARE:
        steps += [('Mul', {}), ('Add', {})]
    if image.dtype == 'float16':
        steps.append(('Cast', {'to': halves}))
    here = free_name(f'{image.name}_pixels', taken)
    nodes = []
    for place, (op, attributes) in enumerate(steps):
        last = place == len(steps) - 1
        there = image.name if last else free_name(f'{image.name}_{op.lower()}', taken)
        constant = [free_name(f'{image.name}_{op.lower()}_by', taken)] if op in {'Mul', 'Add'} else []
        name = f'input_stage/{place}_{op}'
        nodes.append(onnx.helper.make_node(op, [here, *constant], [there], name=name, **attributes))
        here = there
    return nodes


def _constants(onnx: Any, image: ImageInput, stage: list[Any]) -> list[Any]:
    shape = (1, 3, 1, 1) if image.layout == 'nchw' else (1, 1, 1, 3)
    values = {'Mul': image.normalisation.factor(), 'Add': image.normalisation.offset()}
    return [
        onnx.numpy_helper.from_array(np.ascontiguousarray(values[node.op_type].reshape(shape)), node.input[1])
        for node in stage
        if node.op_type in values
    ]


def _set_shape(tensor: Any, image: ImageInput) -> None:
    """Set the size of the pictures. The batch dimension is not changed."""
    dims = tensor.type.tensor_type.shape.dim
    for dim, size in zip(dims[1:], image.shape(1)[1:], strict=True):
        dim.dim_value = size


def _check_that_uint8_is_cast(graph: Any, name: str) -> None:
    by_name = readers(graph)
    todo = [name]
    while todo:
        tensor = todo.pop()
        for node in by_name.get(tensor, []):
            if node.op_type == 'Cast':
                continue
            if node.op_type not in _MOVES:
                raise ModelError(
                    f'expected a Cast after the uint8 input {name!r}, because TensorRT computes with '
                    f'floats, got {node.op_type} (node {node.name!r}); export the network with a Cast there'
                )
            todo += node.output
