"""Read an ONNX file, which is changed before TensorRT parses it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.engines.runtime import check_model_file, import_runtime, unreadable_model
from stream_infer_ros.inference.model_file import ModelFormat
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# ONNX's names of types that differ from those of numpy. The others are numpy's names in capitals.
_DTYPES = {'FLOAT': 'float32', 'DOUBLE': 'float64'}


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """One network.

    Attributes:
        model: the ModelProto with all weights. Copy it before changing it.
        sha256: hash of the file and of its files of external weights.
        io: inputs, outputs and metadata of the file.
    """

    model: Any
    sha256: str
    io: EngineIo


def read_onnx(path: Path) -> OnnxFile:
    """Read a file. Raises ModelError if it contains no network, EngineError if `onnx` is not installed."""
    onnx = import_runtime('onnx')
    message = import_runtime('google.protobuf.message')
    if check_model_file(path, 'tensorrt') is ModelFormat.TENSORRT_PLAN:
        raise ModelError(
            f'expected an ONNX file to build a plan from, got a plan in {path}; give the ONNX file'
        )
    digest = hashlib.sha256()
    try:
        digest.update(path.read_bytes())
        model = onnx.load(str(path), load_external_data=False)
        for file in _files_of_weights(onnx, model, path.parent):
            digest.update(file.read_bytes())
        onnx.load_external_data_for_model(model, str(path.parent))
    # onnx raises the ValidationError for weights in a file outside the folder.
    except (message.DecodeError, onnx.checker.ValidationError, OSError, ValueError) as error:
        raise unreadable_model(path, error) from error
    if not model.graph.node or not model.graph.output:
        raise unreadable_model(path, ValueError('it holds no network'))
    return OnnxFile(model, digest.hexdigest(), _io(onnx, model))


def serialized(model: Any) -> bytes:
    """Return a model as the bytes of a file. Raises ModelError if it is too large for protobuf."""
    try:
        data: bytes = model.SerializeToString()
    except ValueError as error:  # protobuf's limit of 2 GB
        raise ModelError(
            f'expected a network below 2 GB, protobuf says: {error}; use a smaller one'
        ) from error
    return data


def _files_of_weights(onnx: Any, model: Any, folder: Path) -> list[Path]:
    names = {
        entry.value
        for tensor in model.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == 'location'
    }
    return [folder / name for name in sorted(names)]


def _io(onnx: Any, model: Any) -> EngineIo:
    # Old files also list their weights as inputs.
    weights = {tensor.name for tensor in model.graph.initializer}
    return EngineIo(
        tuple(_tensor(onnx, value) for value in model.graph.input if value.name not in weights),
        tuple(_tensor(onnx, value) for value in model.graph.output),
        {entry.key: entry.value for entry in model.metadata_props},
    )


def _tensor(onnx: Any, value: Any) -> TensorInfo:
    tensor = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(tensor.elem_type)
    shape = tuple(dim.dim_value if dim.HasField('dim_value') else -1 for dim in tensor.shape.dim)
    return TensorInfo(value.name, _DTYPES.get(name, name.lower()), shape)
