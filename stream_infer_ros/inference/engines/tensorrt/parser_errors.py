"""TensorRT's errors about a network, as one readable line."""

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
# Patterns of TensorRT's message, or of the operator, and their remedies.
_REMEDIES = {
    r'(?i)quantizelinear': _QUANTISE,
    r'(?i)uint8': 'export it so that a Cast follows the uint8 input',
    r'(?i)no such operator|plugin|importer|support': (
        'export it with other operators (another opset, or simplified), or choose another engine.kind'
    ),
}
_NO_HELP = 'check it with onnx.checker, export it again, or choose another engine.kind'
# When the parser fails, it also reports that there is no GPU.
_NOISE = re.compile(r'(?i)cuda|^\s*$|^Invalid Node')


def refused_network(path: Path, parser: Any) -> ModelError:
    """Return the parser's first error, after it rejected the network or some of its nodes."""
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
    """Return the error for a node that the parser accepted and the builder does not support.

    Args:
        path: file of the network.
        network: the ONNX network that was parsed.
        said: message of the builder.

    Returns None if the message is about something else.
    """
    if re.search('Quantized constant', said):
        return ModelError(
            f'expected a network that TensorRT takes in {path}, it refuses it: {reason_in(said)}; {_QUANTISE}'
        )
    found = re.search(r'(\S+) has no runners|implementation for node \{?(?:ForeignNode\[)?([^\s}\]]+)', said)
    if found is None:
        return None
    # TensorRT names a layer after its node, with a suffix.
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
    """Return the line with the reason, without locations in TensorRT's source."""
    lines = [line.strip() for line in description.splitlines()]
    told = [line for line in lines if not _NOISE.search(line)] or lines[:1]
    reason = told[0]
    # These conditions in TensorRT's source mean that it has no importer for the operator.
    if reason.startswith(('false', 'creator')) or 'Plugin not found' in reason:
        return 'it has no such operator'
    # '…: Error Code 4: API Usage Error (the reason. In someFunction at /_src/file.cpp:40)'
    inner = re.search(r'\((.*?)(?:\.? In .+ at \S+)?\)$', reason)
    if 'Error Code' in reason and inner:
        reason = inner[1]
    return reason.rstrip('.')
