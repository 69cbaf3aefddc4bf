"""Read a torch network from its file."""

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
    """The content of a file.

    Attributes:
        module: the network, called with one tensor.
        input: the input that the file declares; None if it declares none.
        most: the largest number of images in one run; 0 for no limit.
        description: further information.
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
    # The exceptions of torch have no common base class. Any of them here means a broken file.
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
    """Return the declared input, and the largest number of images; 0 for no limit."""
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
    """Return inputs and metadata. The outputs are known after the first run.

    Raises ModelError if the input is unknown.
    """
    tensor = file.input or file.description.input
    if tensor is None:
        raise ModelError(
            f'expected a description of the input of {path}, which TorchScript lacks; write {path.stem}.json '
            f'beside it: {{"input": {{"name": "images", "dtype": "float32", "shape": [-1, 3, 640, 640]}}}}'
        )
    return EngineIo((tensor,), (), dict(file.description.metadata))


def dtype_name(dtype: Any) -> str:
    """Return numpy's name of a torch type."""
    return str(dtype).removeprefix('torch.')
