"""Write a Triton model repository for an ONNX file (`stream_infer export-triton`)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference.engines.kserve.client import DTYPE_OF
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

Backend = Literal['onnxruntime', 'tensorrt', 'openvino', 'python']

_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')
_TYPE_OF = {dtype: f'TYPE_{name}' for name, dtype in DTYPE_OF.items()}
# The lines of the configuration that select each backend. All read `model.onnx`.
_BACKEND = {
    'onnxruntime': 'backend: "onnxruntime"',
    # The onnxruntime backend builds the plan on the server, because a plan fits only the GPU it was built on.
    'tensorrt': 'backend: "onnxruntime"\n'
    'optimization { execution_accelerators { gpu_execution_accelerator [ { name: "tensorrt" } ] } }',
    'openvino': 'backend: "openvino"\ndefault_model_filename: "model.onnx"',
    'python': 'backend: "python"',
}
_KIND = {'onnxruntime': 'KIND_AUTO', 'tensorrt': 'KIND_GPU', 'openvino': 'KIND_CPU', 'python': 'KIND_CPU'}


def write_repository(
    folder: Path,
    model: Path,
    io: EngineIo,
    *,
    name: str = '',
    backend: Backend = 'onnxruntime',
    max_batch: int = 16,
    instances: int = 1,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write `<folder>/<name>/config.pbtxt` and `<folder>/<name>/1/model.onnx`; return `<folder>/<name>`.

    `io` is an engine's description of `model`. A network with a fixed batch size is served without batching.
    `metadata` replaces the metadata of the file. Existing files are replaced. The configuration is written
    last, because a server may poll the folder. Raises ConfigError if Triton does not accept the name, and
    ModelError if it does not support the type of a tensor.
    """
    name = name or model.stem
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f'expected a model name of letters, digits, ".", "_" and "-", got {name!r}; '
            f'give another with --name'
        )
    metadata = dict(io.metadata if metadata is None else metadata)
    config = repository_config(name, io, backend, max_batch, instances, metadata)
    target = folder / name
    version = target / '1'
    version.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, version / 'model.onnx')
    if backend == 'python':
        shutil.copyfile(Path(__file__).with_name('python_backend_model.py'), version / 'model.py')
    else:
        (version / 'model.py').unlink(missing_ok=True)
    (target / 'config.pbtxt').write_text(config, encoding='utf-8')
    return target


def repository_config(
    name: str, io: EngineIo, backend: Backend, max_batch: int, instances: int, metadata: Mapping[str, str]
) -> str:
    """Return the text of `config.pbtxt`. Metadata become string parameters, which KserveEngine reads."""
    batched = max_batch > 0 and all(tensor.shape[:1] == (-1,) for tensor in io.inputs)
    blocks = [
        f'name: {_quoted(name)}',
        _BACKEND[backend],
        f'max_batch_size: {max_batch if batched else 0}',
        _tensors('input', io.inputs, batched),
        _tensors('output', io.outputs, batched),
        f'instance_group [ {{ count: {instances} kind: {_KIND[backend]} }} ]',
    ]
    if batched:
        # Waiting requests are joined. No request waits for later ones.
        blocks.append('dynamic_batching { max_queue_delay_microseconds: 0 }')
    blocks += [
        f'parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(value)} }} }}'
        for key, value in metadata.items()
    ]
    return '\n'.join(blocks) + '\n'


def _tensors(kind: str, tensors: tuple[TensorInfo, ...], batched: bool) -> str:
    rows = []
    for tensor in tensors:
        if tensor.dtype not in _TYPE_OF:
            raise ModelError(
                f'expected {kind} {tensor.name!r} of a type Triton knows, got {tensor.dtype}; '
                f'export it as float32'
            )
        shape = tensor.shape[1:] if batched else tensor.shape
        if not shape:
            raise ModelError(
                f'expected {kind} {tensor.name!r} of a known rank beside the batch, got {tensor.shape}; '
                f'export the network with fixed shapes'
            )
        dims = ', '.join(str(size) for size in shape)
        rows.append(
            f'  {{ name: {_quoted(tensor.name)} data_type: {_TYPE_OF[tensor.dtype]} dims: [ {dims} ] }}'
        )
    return f'{kind} [\n' + ',\n'.join(rows) + '\n]'


def _quoted(text: str) -> str:
    """Quote a string for protobuf's text format, with bytes that are not printable ASCII in octal."""
    plain = ''.join(
        f'\\{chr(byte)}' if byte in b'"\\' else chr(byte) if 32 <= byte < 127 else f'\\{byte:03o}'
        for byte in text.encode()
    )
    return f'"{plain}"'
