"""Import an inference runtime, check that it can run a model file, and describe its errors."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.model_file import ModelFormat, model_format

_ONNX_KINDS = ('tensorrt', 'openvino', 'onnxruntime')
# The kinds of engines that run each format, fastest first.
KINDS_OF_FORMAT: dict[ModelFormat, tuple[str, ...]] = {
    ModelFormat.ONNX: _ONNX_KINDS,
    ModelFormat.ORT: ('onnxruntime',),
    ModelFormat.OPENVINO_IR: ('openvino',),
    ModelFormat.EXPORTED_PROGRAM: ('torch',),
    ModelFormat.TORCHSCRIPT: ('torch',),
    ModelFormat.TENSORRT_PLAN: ('tensorrt',),
    ModelFormat.UNKNOWN: (*_ONNX_KINDS, 'torch'),
}
# What to do if these engines do not work here.
MORE_ON_FORMAT = {
    ModelFormat.ORT: '; or give the ONNX file that it was made from',
    ModelFormat.OPENVINO_IR: '; or give the ONNX file that it was made from',
    ModelFormat.EXPORTED_PROGRAM: '; or export the network as ONNX',
    ModelFormat.TORCHSCRIPT: '; or export the network as ONNX (yolo export format=onnx, torch.onnx.export)',
    ModelFormat.TENSORRT_PLAN: '; a plan runs only with the version of TensorRT and on the kind of GPU that '
    'it was built for, so give the ONNX file that it was made from: plans are built from it here',
}


def import_runtime(module: str) -> ModuleType:
    """Import an inference runtime when it is needed. Raises EngineError with the remedy."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EngineError(
            f'expected the {module} runtime, cannot import it ({error}); `pip install {module}`, '
            f'or choose another engine.kind'
        ) from error


def check_model_file(path: Path, kind: str) -> ModelFormat:
    """Return the format of a model file. Raises ModelError unless engines of this kind can run it."""
    found = model_format(path)
    if kind in KINDS_OF_FORMAT[found]:
        return found
    kinds = ' or '.join(KINDS_OF_FORMAT[found])
    raise ModelError(
        f'expected a file for engine.kind {kind}, got {found.value} in {path}; set engine.kind to {kinds} or '
        f'to auto{MORE_ON_FORMAT.get(found, "")}'
    )


def unreadable_model(path: Path, error: Exception) -> ModelError:
    """Return the error for a file that the runtime cannot read, with the runtime's message."""
    return ModelError(
        f'expected a valid ONNX network in {path}, the runtime says: {last_line(error)}; '
        f'fetch the file again, or check it with onnx.checker'
    )


def not_loaded() -> EngineError:
    """Return the error for the use of an engine before `load` or after `close`."""
    return EngineError('expected a loaded network, got none; call load() first')


def failed_run(error: Exception) -> EngineError:
    """Return the error for a failed run."""
    return EngineError(
        f'expected the network to run, the runtime says: {last_line(error)}; try another engine.kind'
    )


def last_line(error: Exception) -> str:
    """Return the last line of an error, because runtimes write source locations first and the reason last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip('.') if lines else type(error).__name__
