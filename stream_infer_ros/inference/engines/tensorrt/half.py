"""Convert the heavy part of a float32 network to float16.

The heavy part is everything that leads to a convolution or a matrix product. The nodes after the last of them
compute scores and coordinates and stay in float32, because float16 resolves coordinates above 256 only to a
quarter of a pixel. This is our own code because the two existing converters do not do that. The converter of
ONNX Runtime 1.32 also rounds tensors between excluded nodes, and onnxconverter-common 1.16 leaves Cast nodes
of the wrong type in our network.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.runtime import import_runtime
from stream_infer_ros.inference.engines.tensorrt.graph_uses import (
    free_name,
    made_by,
    makers,
    names_in,
    read_by,
    readers,
    subgraphs,
)

_HEAVY = {'Conv', 'ConvTranspose', 'MatMul', 'Gemm', 'Einsum'}
# The outputs of these are sizes and not pixels. Arithmetic on sizes is not converted.
_SIZES = {'Shape', 'Size'}
# Inputs from this index on are always float32 in ONNX.
_ALWAYS_FLOAT = {'Resize': 1, 'Upsample': 1, 'Range': 0}
_LARGEST = 65504.0  # of float16


def in_half(model: Any, keep: Collection[str] = ()) -> Any:
    """Return a copy of `model` whose heavy part is in float16. Inputs and outputs keep their types.

    Args:
        model: ModelProto, float32.
        keep: names of nodes that stay in float32.

    Raises EngineError if that is not possible.
    """
    onnx = import_runtime('onnx')
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    _Half(onnx, changed, keep).convert()
    return changed


class _Half:
    def __init__(self, onnx: Any, model: Any, keep: Collection[str]) -> None:
        self._onnx = onnx
        self._graph = model.graph
        _constants_to_weights(onnx, self._graph)
        self._types = _types(onnx, model)
        self._weights = {tensor.name: tensor for tensor in self._graph.initializer}
        self._taken = names_in(self._graph)
        self._heavy = _heavy_part(self._graph, keep)
        self._halves: dict[str, str] = {}
        self._nodes: list[Any] = []

    def convert(self) -> None:
        outputs = {value.name for value in self._graph.output}
        wanted_as_float = outputs.union(
            *(set(read_by(node)) for node in self._graph.node if made_by(node) not in self._heavy)
        )
        for node in self._graph.node:
            if made_by(node) not in self._heavy:
                self._nodes.append(node)
                continue
            self._refuse_what_cannot_be(node)
            self._read_halves(node)
            self._nodes.append(node)
            self._make_halves(node, wanted_as_float)
        nodes = list(self._nodes)
        del self._graph.node[:]
        self._graph.node.extend(nodes)
        del self._graph.value_info[:]
        self._drop_unread_weights()

    def _read_halves(self, node: Any) -> None:
        stays = _ALWAYS_FLOAT.get(node.op_type, len(node.input))
        for place, name in enumerate(node.input):
            if not name:
                continue
            if place >= stays:
                self._read_float(node, place, name)
            elif self._is_float(name):
                node.input[place] = self._half_of(name)
        self._set_types(node)

    def _read_float(self, node: Any, place: int, name: str) -> None:
        if name in self._halves and name not in self._weights:
            back = free_name(f'{name}_float', self._taken)
            self._cast(self._halves[name], back, self._onnx.TensorProto.FLOAT)
            node.input[place] = back

    def _half_of(self, name: str) -> str:
        """Return the name of a tensor in float16. Convert the weight or add a Cast if necessary."""
        if name not in self._halves:
            half = self._halves[name] = free_name(f'{name}_half', self._taken)
            if name in self._weights:
                values = self._onnx.numpy_helper.to_array(self._weights[name])
                rounded = np.clip(values, -_LARGEST, _LARGEST).astype(np.float16)
                self._graph.initializer.append(self._onnx.numpy_helper.from_array(rounded, half))
            else:
                self._cast(name, half, self._onnx.TensorProto.FLOAT16)
        return self._halves[name]

    def _make_halves(self, node: Any, wanted_as_float: set[str]) -> None:
        for place, name in enumerate(node.output):
            if not name or not self._is_float(name):
                continue
            half = self._halves[name] = free_name(f'{name}_half', self._taken)
            node.output[place] = half
            if name in wanted_as_float:
                self._cast(half, name, self._onnx.TensorProto.FLOAT)

    def _set_types(self, node: Any) -> None:
        """Set the output type of Cast, ConstantOfShape and other nodes that define it by an attribute."""
        proto = self._onnx.TensorProto
        for attribute in node.attribute:
            if attribute.name in {'to', 'dtype'} and attribute.i == proto.FLOAT:
                attribute.i = proto.FLOAT16
        if node.op_type == 'ConstantOfShape' and self._is_float(node.output[0]):
            value = self._onnx.helper.get_node_attr_value(node, 'value') if node.attribute else None
            filled = np.zeros(1, np.float32) if value is None else self._onnx.numpy_helper.to_array(value)
            del node.attribute[:]
            half = self._onnx.numpy_helper.from_array(filled.astype(np.float16))
            node.attribute.append(self._onnx.helper.make_attribute('value', half))

    def _refuse_what_cannot_be(self, node: Any) -> None:
        if any(True for _ in subgraphs(node)):
            raise _cannot(f'node {node.name!r} ({node.op_type}) contains a subgraph')
        unknown = [name for name in node.output if name and name not in self._types]
        if unknown:
            raise _cannot(f'the type of {unknown[0]!r}, an output of {node.op_type}, is unknown')

    def _is_float(self, name: str) -> bool:
        return bool(self._types.get(name) == self._onnx.TensorProto.FLOAT)

    def _cast(self, source: str, name: str, to: int) -> None:
        node_name = f'half/{name}'
        self._nodes.append(self._onnx.helper.make_node('Cast', [source], [name], name=node_name, to=to))

    def _drop_unread_weights(self) -> None:
        read = set(readers(self._graph)) | {value.name for value in self._graph.output}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in read]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)


def _cannot(reason: str) -> EngineError:
    return EngineError(
        f'expected a network that can be converted to fp16, but {reason}; export it in float16, or set '
        f'engine.precision fp32'
    )


def _heavy_part(graph: Any, keep: Collection[str]) -> set[str]:
    """Return the nodes between the pictures and the last heavy node, by their `made_by` names."""
    makes, reads = makers(graph), readers(graph)
    weights = {tensor.name for tensor in graph.initializer}
    todo = [node for node in graph.node if node.op_type in _HEAVY]
    leads_to_heavy: set[str] = set()
    while todo:
        node = todo.pop()
        if made_by(node) not in leads_to_heavy:
            leads_to_heavy.add(made_by(node))
            todo += [makes[name] for name in read_by(node) if name in makes]
    of_pixels: set[str] = set()
    names = [value.name for value in graph.input if value.name not in weights]
    while names:
        for node in reads.get(names.pop(), []):
            if made_by(node) not in of_pixels and node.op_type not in _SIZES:
                of_pixels.add(made_by(node))
                names += node.output
    kept = {made_by(node) for node in graph.node if node.name and node.name in keep}
    return (leads_to_heavy & of_pixels) - kept


def _types(onnx: Any, model: Any) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.HasField('tensor_type')
    }
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _constants_to_weights(onnx: Any, graph: Any) -> None:
    """Convert Constant nodes to initializers, so that there is only one kind of constants."""
    kept = []
    for node in graph.node:
        if node.op_type != 'Constant' or node.attribute[0].name not in {
            'value',
            'value_float',
            'value_floats',
        }:
            kept.append(node)
            continue
        value = onnx.helper.get_attribute_value(node.attribute[0])
        array = (
            onnx.numpy_helper.to_array(value)
            if node.attribute[0].name == 'value'
            else np.array(value, np.float32)
        )
        graph.initializer.append(onnx.numpy_helper.from_array(array, node.output[0]))
    nodes = list(kept)
    del graph.node[:]
    graph.node.extend(nodes)
