"""Streaming inference for robots: several cameras, one network, one picture.

    import stream_infer_ros

    for result in stream_infer_ros.replay('recording.mcap'):
        print(result.stamp_ns, result.detections, result.map)

- `replay` runs the pipeline on a recording and yields a `Result` for each set of frames.
- `run` runs it on a live graph, over DDS, Zenoh or in memory.
- `Config` holds all settings; `load_config` reads them from a parameter file.
- `StreamInferError` is the base class of all errors that the package raises on purpose.

No ROS is needed for any of these.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_infer_ros.api import Run, replay, run
    from stream_infer_ros.config import Config, load_config
    from stream_infer_ros.errors import StreamInferError
    from stream_infer_ros.pipeline.results import Result

__version__ = '0.1.0'

__all__ = ['Config', 'Result', 'Run', 'StreamInferError', 'load_config', 'replay', 'run']

_MODULES = {
    'Config': 'config',
    'Result': 'pipeline.results',
    'Run': 'api',
    'StreamInferError': 'errors',
    'load_config': 'config',
    'replay': 'api',
    'run': 'api',
}


def __getattr__(name: str) -> Any:
    # Imported on first use: every module of the package imports this one, and most need none of these.
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
