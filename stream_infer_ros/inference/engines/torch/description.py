"""Information that the file of a torch network may lack: names, the size of its input, metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.model_metadata import metadata_text
from stream_infer_ros.inference.network_io import TensorInfo

# Files inside the archive: our own, and that of Ultralytics.
OURS, ULTRALYTICS = 'stream_infer.json', 'config.txt'


@dataclass(frozen=True, slots=True)
class Description:
    """The known part of the description of a network.

    Attributes:
        input: the input; None if it is unknown.
        outputs: names of the outputs, in order.
        metadata: as in `EngineIo`.
    """

    input: TensorInfo | None = None
    outputs: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def describe(extra_files: Mapping[str, str | bytes], path: Path) -> Description:
    """Read the files inside the archive, and `<stem>.json` beside it, whose keys take precedence.

    The format of our own file is `{"input": {"name": ..., "dtype": ..., "shape": [-1, 3, 640, 640]},
    "outputs": [...], "metadata": {"family": ...}}`, each key optional. Raises ModelError.
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
        metadata = {str(key): metadata_text(value) for key, value in parsed.get('metadata', {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f'expected input with name, dtype and shape, outputs as a list and metadata as an object '
            f'in {where}, got {parsed!r}; correct it'
        ) from error
    return replace(base, input=tensor, outputs=outputs, metadata={**base.metadata, **metadata})


def _ultralytics(parsed: dict[str, Any]) -> Description:
    """Return metadata as Ultralytics writes them into ONNX files, and the input of its networks."""
    metadata = {key: metadata_text(value) for key, value in parsed.items()}
    sizes = parsed.get('imgsz')
    if not isinstance(sizes, list) or len(sizes) != 2:
        return Description(metadata=metadata)
    height, width = (int(size) for size in sizes)
    batch = -1 if parsed.get('dynamic') else int(parsed.get('batch', 1))
    tensor = TensorInfo('images', 'float32', (batch, 3, height, width))
    return Description(
        tensor, ('output0', 'output1')[: 2 if parsed.get('task') == 'segment' else 1], metadata
    )
