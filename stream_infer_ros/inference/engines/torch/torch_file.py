"""A network of torch, read from its file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.engines.torch.archive import archive_kind, unreadable
from stream_infer_ros.inference.engines.torch.description import OURS, ULTRALYTICS, Description, describe
from stream_infer_ros.inference.input_packing import MOST_FIXED_BATCH
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo


@dataclass(frozen=True, slots=True)
class TorchFile:
    """What a file holds.

    Attributes:
        module: that is called with one tensor.
        input: as the file declares it; None where it does not.
        most: images it takes at once; 0: any number.
        description: what it says beside.
    """

    module: Any
    input: TensorInfo | None
    most: int
    description: Description


def read_file(path: Path, torch: Any, device: str) -> TorchFile:
    """Read a network and put it on a device. Raises ModelError."""
    data = path.read_bytes()
    kind = archive_kind(data, path, torch)
    extra: dict[str, Any] = {OURS: '', ULTRALYTICS: ''}
    # Torch has no base class for what it raises here, and any of it means the file.
    try:
        if kind == 'TorchScript':
            module = torch.jit.load(io.BytesIO(data), map_location=device, _extra_files=extra).eval()
            return TorchFile(module, None, 0, describe(extra, path))
        program = torch.export.load(io.BytesIO(data), extra_files=extra)
        if device != 'cpu':
            from torch.export.passes import move_to_device_pass  # noqa: PLC0415, it takes seconds

            program = move_to_device_pass(program, device)
        tensor, most = _declared_input(program, path)
        return TorchFile(program.module(), tensor, most, describe(extra, path))
    except ModelError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error


def _declared_input(program: Any, path: Path) -> tuple[TensorInfo, int]:
    """And the most images, 0 where there is no bound."""
    names = list(program.graph_signature.user_inputs)
    if len(names) != 1:
        raise ModelError(
            f'expected a network with one input in {path}, got {len(names)} ({", ".join(map(str, names))}); '
            f'export images only'
        )
    value = next(node.meta['val'] for node in program.graph.nodes if node.name == names[0])
    shape = tuple(size if isinstance(size, int) else -1 for size in value.shape)
    tensor = TensorInfo(str(names[0]), dtype_name(value.dtype), shape)
    if not shape or shape[0] != -1:
        return tensor, 0
    bounds = program.range_constraints.get(value.shape[0].node.expr)
    return tensor, int(bounds.upper) if bounds is not None and bounds.upper <= MOST_FIXED_BATCH else 0


def described(file: TorchFile, path: Path) -> EngineIo:
    """Inputs and metadata; the outputs are known once it ran. Raises ModelError if nobody tells its input."""
    tensor = file.input or file.description.input
    if tensor is None:
        raise ModelError(
            f'expected to be told the input of {path}, TorchScript does not say it; write {path.stem}.json '
            f'beside it: {{"input": {{"name": "images", "dtype": "float32", "shape": [-1, 3, 640, 640]}}}}'
        )
    return EngineIo((tensor,), (), dict(file.description.metadata))


def dtype_name(dtype: Any) -> str:
    """As numpy names it."""
    return str(dtype).removeprefix('torch.')
