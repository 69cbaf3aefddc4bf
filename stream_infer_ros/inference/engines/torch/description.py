"""What the file of a torch network does not say by itself: names, the size of its input, metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.network_io import TensorInfo

# Files inside the network's: ours, and what Ultralytics puts into its TorchScript.
OURS, ULTRALYTICS = 'stream_infer.json', 'config.txt'


@dataclass(frozen=True, slots=True)
class Description:
    """As far as somebody told.

    Attributes:
        input: of the network.
        outputs: their names, in order.
        metadata: as in `EngineIo`.
    """

    input: TensorInfo | None = None
    outputs: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def describe(extra_files: Mapping[str, str | bytes], path: Path) -> Description:
    """From files inside the network's, and from `<stem>.json` beside it, which wins key by key.

    Ours is `{"input": {"name": ..., "dtype": ..., "shape": [-1, 3, 640, 640]}, "outputs": [...], "metadata":
    {"family": ...}}`, each key optional. Raises ModelError.
    """
    description = Description()
    if extra_files.get(ULTRALYTICS):
        description = _ultralytics(_parsed(extra_files[ULTRALYTICS], f'{path}: {ULTRALYTICS}'))
    if extra_files.get(OURS):
        description = _ours(_parsed(extra_files[OURS], f'{path}: {OURS}'), description, f'{path}: {OURS}')
    sidecar = path.with_suffix('.json')
    if sidecar.is_file():
        description = _ours(_parsed(sidecar.read_bytes(), str(sidecar)), description, str(sidecar))
    return description


def _parsed(text: str | bytes, where: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ModelError(f'expected JSON in {where}, got none ({error}); correct it') from error
    if not isinstance(parsed, dict):
        raise ModelError(f'expected a JSON object in {where}, got {parsed!r}; correct it')
    return parsed


def _ours(parsed: dict[str, Any], base: Description, where: str) -> Description:
    try:
        told = parsed.get('input')
        tensor = base.input
        if told is not None:
            shape = tuple(int(size) for size in told['shape'])
            tensor = TensorInfo(str(told.get('name', 'images')), str(told['dtype']), shape)
        outputs = tuple(str(name) for name in parsed.get('outputs', base.outputs))
        metadata = {str(key): _text(value) for key, value in parsed.get('metadata', {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f'expected input with name, dtype and shape, outputs as a list and metadata as an object '
            f'in {where}, got {parsed!r}; correct it'
        ) from error
    return replace(base, input=tensor, outputs=outputs, metadata={**base.metadata, **metadata})


def _ultralytics(parsed: dict[str, Any]) -> Description:
    """Its metadata as it writes them into ONNX files, and the input its networks have."""
    metadata = {key: _text(value) for key, value in parsed.items()}
    sizes = parsed.get('imgsz')
    if not isinstance(sizes, list) or len(sizes) != 2:
        return Description(metadata=metadata)
    height, width = (int(size) for size in sizes)
    batch = -1 if parsed.get('dynamic') else int(parsed.get('batch', 1))
    tensor = TensorInfo('images', 'float32', (batch, 3, height, width))
    return Description(
        tensor, ('output0', 'output1')[: 2 if parsed.get('task') == 'segment' else 1], metadata
    )


def _text(value: Any) -> str:
    """Metadata are strings; numbers as keys are what JSON makes strings of."""
    if isinstance(value, dict):
        return str({int(key) if key.isdigit() else key: item for key, item in value.items()})
    return value if isinstance(value, str) else str(value)
