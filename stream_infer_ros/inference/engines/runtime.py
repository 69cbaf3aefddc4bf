"""Import an inference runtime, check a model file, and describe their errors."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from stream_infer_ros.errors import EngineError, ModelError


def import_runtime(module: str) -> ModuleType:
    """Import an inference runtime when it is needed. Raises EngineError with the remedy."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EngineError(
            f'expected the {module} runtime, cannot import it ({error}); `pip install {module}`, '
            f'or choose another engine.kind'
        ) from error


def check_model_file(path: Path) -> None:
    """Raise ModelError unless the file exists and is not empty."""
    if not path.is_file():
        raise ModelError(f'expected a network in the file {path}, found none; check model.file')
    if path.stat().st_size == 0:
        raise ModelError(
            f'expected a network in the file {path}, found an empty one; fetch or export it again'
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
