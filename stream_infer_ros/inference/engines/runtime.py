"""Finding what an engine needs outside this package: the runtime and the model file."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from stream_infer_ros.errors import EngineError, ModelError


def import_runtime(module: str) -> ModuleType:
    """An inference runtime, imported only when somebody asks for it. Raises EngineError with the remedy."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise EngineError(
            f'expected the {module} runtime, cannot import it ({error}); `pip install {module}`, '
            f'or choose another engine.kind'
        ) from error


def check_model_file(path: Path) -> None:
    """Raise ModelError unless there is a file that could be a network."""
    if not path.is_file():
        raise ModelError(f'expected a network in the file {path}, found none; check model.file')
    if path.stat().st_size == 0:
        raise ModelError(
            f'expected a network in the file {path}, found an empty one; fetch or export it again'
        )


def unreadable_model(path: Path, error: Exception) -> ModelError:
    """The runtime could not make sense of the file: one line, with what the runtime said."""
    return ModelError(
        f'expected a valid ONNX network in {path}, the runtime says: {last_line(error)}; '
        f'fetch the file again, or check it with onnx.checker'
    )


def not_loaded() -> EngineError:
    """Somebody asked an engine before `load`, or after `close`."""
    return EngineError('expected a loaded network, got none; call load() first')


def failed_run(error: Exception) -> EngineError:
    """The runtime failed while running."""
    return EngineError(
        f'expected the network to run, the runtime says: {last_line(error)}; try another engine.kind'
    )


def last_line(error: Exception) -> str:
    """What an error says, in one line: runtimes put the place in their own source first, the reason last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip('.') if lines else type(error).__name__
