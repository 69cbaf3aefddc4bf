"""The precision of a plan: the requested one, or an error with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stream_infer_ros.config.engine_tree import Precision
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.runtime import import_runtime
from stream_infer_ros.inference.engines.tensorrt.graph_uses import makers

# The lowest compute capability for each precision. Older GPUs would silently compute in another one.
_LEAST_CAPABILITY = {'bf16': (8, 0), 'fp8': (8, 9)}
_FLAGS = {'fp32': (), 'fp16': ('FP16',), 'bf16': ('BF16',), 'int8': ('INT8',), 'fp8': ('FP8',)}
_REMEDIES = {
    'bf16': 'export it in bfloat16',
    'int8': 'quantise it (QuantizeLinear and DequantizeLinear in the file, int8, symmetric, without biases)',
    'fp8': 'quantise it to float8 (QuantizeLinear and DequantizeLinear in the file)',
}


@dataclass(frozen=True, slots=True)
class BuildPrecision:
    """Settings of a build.

    Attributes:
        name: 'fp32', 'fp16', 'bf16', 'int8' or 'fp8': the precision of the heavy layers.
        to_half: the network is first converted to float16.
        flags: names of the builder flags that allow the precision.
        tf32: float32 products may be computed in TF32, which has the mantissa of fp16.
    """

    name: str
    to_half: bool = False
    flags: tuple[str, ...] = ()
    tf32: bool = True


def precision_in_file(model: Any) -> str:
    """Return the precision of the weights of an ONNX model, or of its quantised layers."""
    onnx = import_runtime('onnx')
    types = onnx.TensorProto
    quantised = _quantised_types(onnx, model.graph)
    if quantised & {types.FLOAT8E4M3FN, types.FLOAT8E5M2}:
        return 'fp8'
    if quantised:
        return 'int8'
    sizes = {types.FLOAT: 0, types.FLOAT16: 0, types.BFLOAT16: 0}
    for tensor in model.graph.initializer:
        if tensor.data_type in sizes:
            sizes[tensor.data_type] += int(onnx.numpy_helper.to_array(tensor).size)
    names = {types.FLOAT: 'fp32', types.FLOAT16: 'fp16', types.BFLOAT16: 'bf16'}
    return names[max(sizes, key=lambda kind: sizes[kind])]


def build_precision(asked: Precision, in_file: str, typed_networks: bool) -> BuildPrecision:
    """Return the settings for the requested precision.

    Args:
        asked: `engine.precision`; 'auto' is that of the file, and fp16 for a float32 file.
        in_file: see `precision_in_file`.
        typed_networks: see `Flavour`.

    Raises EngineError with the reason if it is not possible.
    """
    name = asked
    if asked == 'auto':
        name = 'fp16' if in_file == 'fp32' else in_file  # type: ignore[assignment]
    if in_file not in {'fp32', name}:
        raise EngineError(
            f'expected a network for precision {name}, got one whose file is in {in_file}; '
            f'set engine.precision {in_file} or auto, or export it in float32'
        )
    if name in {'int8', 'fp8'} and in_file != name:
        raise EngineError(
            f'expected a network quantised for precision {name}, got one in {in_file}; {_REMEDIES[name]}, '
            f'or set engine.precision fp16'
        )
    if not typed_networks:
        flags = _FLAGS[name] + (('FP16',) if asked == 'auto' and name != 'fp16' else ())
        return BuildPrecision(name, flags=flags, tf32=name != 'fp32')
    if name == 'bf16' and in_file != 'bf16':
        raise EngineError(
            f'expected a network in bfloat16, since this TensorRT calculates in the types of the file, got '
            f'one in {in_file}; {_REMEDIES[name]}, or set engine.precision fp16'
        )
    return BuildPrecision(name, to_half=name == 'fp16' and in_file == 'fp32', tf32=name != 'fp32')


def check_capability(precision: str, capability: str) -> None:
    """Raise EngineError if a GPU of that compute capability, '8.6', does not calculate in that precision."""
    least = _LEAST_CAPABILITY.get(precision, (0, 0))
    major, _, minor = capability.partition('.')
    if (int(major), int(minor)) < least:
        raise EngineError(
            f'expected a GPU of compute capability {least[0]}.{least[1]} or newer for {precision}, got '
            f'{capability}; set engine.precision fp16'
        )


def _quantised_types(onnx: Any, graph: Any) -> set[int]:
    weights = {tensor.name: tensor.data_type for tensor in graph.initializer}
    makes = makers(graph)
    found = set()
    for node in graph.node:
        if node.op_type not in {'QuantizeLinear', 'DequantizeLinear'}:
            continue
        types = [weights.get(name) or _type_of_constant(makes.get(name)) for name in node.input[2:3]]
        found.add(types[0] if types and types[0] else onnx.TensorProto.UINT8)
    return found


def _type_of_constant(node: Any) -> int:
    if node is None or node.op_type != 'Constant' or not node.attribute[0].HasField('t'):
        return 0
    return int(node.attribute[0].t.data_type)
