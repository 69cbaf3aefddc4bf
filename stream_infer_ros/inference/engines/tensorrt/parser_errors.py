"""What TensorRT complains of in a network, as one readable line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.engines.runtime import import_runtime
from stream_infer_ros.inference.engines.tensorrt.graph_uses import made_by

_QUANTISE = (
    'quantise it for TensorRT: convolutions only, int8, symmetric, biases left in float (ONNX Runtime: '
    "op_types_to_quantize=['Conv'], QuantizeBias=False, ActivationSymmetric=True, WeightSymmetric=True)"
)
# What TensorRT says, or of which operator, and what helps.
_REMEDIES = {
    r'(?i)quantizelinear': _QUANTISE,
    r'(?i)uint8': 'export it so that a Cast follows the uint8 input',
    r'(?i)no such operator|plugin|importer|support': (
        'export it with other operators (another opset, or simplified), or choose another engine.kind'
    ),
}
_NO_HELP = 'check it with onnx.checker, export it again, or choose another engine.kind'
# The parser also looks for a GPU when it fails, and says that there is none.
_NOISE = re.compile(r'(?i)cuda|^\s*$|^Invalid Node')


def refused_network(path: Path, parser: Any) -> ModelError:
    """The parser took nothing, or left nodes out: why, from its first error."""
    if parser.num_errors == 0:
        return ModelError(f'expected a network in {path}, TensorRT finds none; {_NO_HELP}')
    error = parser.get_error(0)
    reason = reason_in(error.desc())
    node = f'node {error.node_name()!r} ({error.node_operator()}): ' if error.node_operator() else ''
    text = f'{error.node_operator()} {reason}'
    remedy = next((help for sign, help in _REMEDIES.items() if re.search(sign, text)), _NO_HELP)
    return ModelError(
        f'expected a network that TensorRT takes in {path}, it refuses {node}{reason}; {remedy}'
    )


def refused_by_builder(path: Path, network: bytes, said: str) -> ModelError | None:
    """The parser took all nodes, the builder cannot make one of them; None if `said` is about something else.

    `network` is the ONNX that was parsed.
    """
    if re.search('Quantized constant', said):
        return ModelError(
            f'expected a network that TensorRT takes in {path}, it refuses it: {reason_in(said)}; {_QUANTISE}'
        )
    found = re.search(r'(\S+) has no runners|implementation for node \{?(?:ForeignNode\[)?([^\s}\]]+)', said)
    if found is None:
        return None
    # TensorRT calls layers after their nodes, with something behind.
    layer = found[1] or found[2]
    nodes = import_runtime('onnx').load_from_string(network).graph.node
    by_name = {node.name or f'node_of_{made_by(node)}': node for node in nodes}
    name = max((name for name in by_name if layer.startswith(name)), key=len, default='')
    what = f'node {name!r} ({by_name[name].op_type})' if name else f'node {layer!r}'
    return ModelError(
        f'expected a network that TensorRT computes in {path}, it has no kernel for {what}; export it '
        f'without (non-maximum suppression is done by the decoder), or choose another engine.kind'
    )


def reason_in(description: str) -> str:
    """The one line that matters, without places in TensorRT's source."""
    lines = [line.strip() for line in description.splitlines()]
    told = [line for line in lines if not _NOISE.search(line)] or lines[:1]
    reason = told[0]
    # The conditions in its source that stand for an operator without an importer.
    if reason.startswith(('false', 'creator')) or 'Plugin not found' in reason:
        return 'it has no such operator'
    # '…: Error Code 4: API Usage Error (the reason. In someFunction at /_src/file.cpp:40)'
    inner = re.search(r'\((.*?)(?:\.? In .+ at \S+)?\)$', reason)
    if 'Error Code' in reason and inner:
        reason = inner[1]
    return reason.rstrip('.')
