"""What TensorRT's ONNX parser complains of, as one readable line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import ModelError

# What the parser says, or of which operator, and what helps.
_REMEDIES = {
    r'(?i)QuantizeLinear': (
        'quantise it for TensorRT: int8, symmetric, and biases left in float (ONNX Runtime: '
        'QuantizeBias=False, ActivationSymmetric=True, WeightSymmetric=True)'
    ),
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
    reason = _reason(error.desc())
    node = f'node {error.node_name()!r} ({error.node_operator()}): ' if error.node_operator() else ''
    text = f'{error.node_operator()} {reason}'
    remedy = next((help for sign, help in _REMEDIES.items() if re.search(sign, text)), _NO_HELP)
    return ModelError(
        f'expected a network that TensorRT takes in {path}, it refuses {node}{reason}; {remedy}'
    )


def _reason(description: str) -> str:
    lines = [line.strip() for line in description.splitlines()]
    told = [line for line in lines if not _NOISE.search(line)] or lines[:1]
    reason = told[0]
    # The conditions in its source that stand for an operator without an importer.
    if reason.startswith(('false', 'creator')) or 'Plugin not found' in reason:
        return 'it has no such operator'
    # '…: Error Code 4: API Usage Error (the reason. In someFunction at /_src/file.cpp:40)'
    inner = re.search(r'\((.*?)(?:\.? In \S+ at \S+)?\)$', reason)
    if 'Error Code' in reason and inner:
        reason = inner[1]
    return reason.rstrip('.')
