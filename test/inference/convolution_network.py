"""A small ONNX network of convolutions, in the forms that exporters and quantisers leave them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INT8, FLOAT8 = np.dtype(np.int8), 'float8'
HEIGHT, WIDTH, CHANNELS = 32, 48, 8


def write_convolution(
    path: Path,
    *,
    batch: int | str = 'batch',
    dtype: str = 'float32',
    layout: str = 'nchw',
    before: str = '',
    after: str = '',
    quantised: str = '',
    bias: str = 'float',
) -> Path:
    """Pictures (batch, 3, 32, 48) to `scores` (batch, 8, 32, 48). Returns the path.

    Args:
        path: written to.
        batch: free, or a number.
        dtype: of the input and of the weights: float32, float16 or uint8 (which is cast first).
        layout: of the input.
        before: an operator between a uint8 input and its Cast.
        after: an operator behind the convolution.
        quantised: 'int8' or 'float8': of activations and weights.
        bias: 'float', or 'int32': quantised, too.
    """
    network = _Network(dtype, quantised)
    here = 'images'
    to_planes = {'perm': [0, 3, 1, 2]}
    if before:
        here = network.add(before, [here], **(to_planes if before == 'Transpose' else {}))
    if dtype == 'uint8':
        here = network.add('Cast', [here], to=TensorProto.FLOAT)
    if layout == 'nhwc' and before != 'Transpose':
        here = network.add('Transpose', [here], **to_planes)
    weights = np.random.default_rng(3).normal(0.0, 0.1, (CHANNELS, 3, 3, 3))
    inputs = [network.quantised(here), network.weights('weights', weights)]
    inputs.append(network.bias(bias))
    here = network.add('Conv', inputs, pads=[1, 1, 1, 1], name='convolution')
    here = network.add('Relu', [here])
    if after:
        here = network.add(after, [here], name='behind')
    network.nodes[-1].output[0] = 'scores'
    shape = [batch, 3, HEIGHT, WIDTH] if layout == 'nchw' else [batch, HEIGHT, WIDTH, 3]
    graph = helper.make_graph(
        network.nodes,
        'convolution',
        [helper.make_tensor_value_info('images', _TYPES[dtype], shape)],
        [helper.make_tensor_value_info('scores', _floats(dtype), [batch, CHANNELS, HEIGHT, WIDTH])],
        network.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 19)], ir_version=9)
    onnx.save(model, path)
    return path


_TYPES = {'uint8': TensorProto.UINT8, 'float32': TensorProto.FLOAT, 'float16': TensorProto.FLOAT16}


def _floats(dtype: str) -> int:
    return TensorProto.FLOAT16 if dtype == 'float16' else TensorProto.FLOAT


class _Network:
    def __init__(self, dtype: str, quantised: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._dtype = np.float16 if dtype == 'float16' else np.float32
        self._quantised = quantised

    def add(self, op: str, inputs: list[str], **attributes: object) -> str:
        output = f'{op.lower()}_{len(self.nodes)}'
        attributes = {'name': f'{op}_{len(self.nodes)}', **attributes}
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def quantised(self, tensor: str) -> str:
        if not self._quantised:
            return tensor
        scale = [self.constant('pixel_scale', np.float32(2.0)), self._zero('pixel_zero')]
        return self.add('DequantizeLinear', [self.add('QuantizeLinear', [tensor, *scale]), *scale])

    def weights(self, name: str, value: np.ndarray) -> str:
        if not self._quantised:
            return self.constant(name, value.astype(self._dtype))
        scale = [self.constant('weight_scale', np.float32(0.004)), self._zero('weight_zero')]
        if self._quantised == 'float8':
            whole = self.constant(name, value.astype(np.float32))
            return self.add('DequantizeLinear', [self.add('QuantizeLinear', [whole, *scale]), *scale])
        steps = np.clip(np.round(value / 0.004), -127, 127).astype(np.int8)
        return self.add('DequantizeLinear', [self.constant(name, steps), *scale])

    def bias(self, kind: str) -> str:
        values = np.linspace(-1.0, 1.0, CHANNELS)
        if kind == 'float':
            return self.constant('bias', values.astype(self._dtype))
        scale = [
            self.constant('bias_scale', np.float32(0.008)),
            self.constant('bias_zero', np.int32(0)),
        ]
        steps = np.round(values / 0.008).astype(np.int32)
        return self.add('DequantizeLinear', [self.constant('bias', steps), *scale])

    def _zero(self, name: str) -> str:
        if self._quantised == 'float8':
            self.initializers.append(helper.make_tensor(name, TensorProto.FLOAT8E4M3FN, [], [0.0]))
            return name
        return self.constant(name, np.int8(0))
