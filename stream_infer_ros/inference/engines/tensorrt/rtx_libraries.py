"""The libraries of TensorRT for RTX, out of the wheel that brings them.

Its bindings are linked to libraries they do not carry; those come with the execution provider that NVIDIA
publishes for ONNX Runtime, and have to be in the process, in this order, before the bindings are imported.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path

from stream_infer_ros.errors import EngineError

CARRIER = 'onnxruntime_ep_nv_tensorrt_rtx'
REMEDY = '`pip install stream_infer_ros[tensorrt-rtx]` (Linux on x86-64)'
_IN_ORDER = ('libcudart.so.*', 'libtensorrt_rtx.so.*', 'libtensorrt_onnxparser_rtx.so.*')


def load_rtx_libraries() -> None:
    """Load them where all see them; harmless when they are loaded already. Raises EngineError."""
    for library in _libraries():
        try:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise EngineError(
                f'expected to load {library.name} for TensorRT for RTX, the system says: {error}; '
                f'{REMEDY} again'
            ) from error


def _libraries() -> list[Path]:
    carrier = find_spec(CARRIER)
    if carrier is None or carrier.origin is None:
        raise EngineError(
            f'expected the package {CARRIER}, which brings TensorRT for RTX, found none; {REMEDY}'
        )
    folder = Path(carrier.origin).parent
    libraries = []
    for pattern in _IN_ORDER:
        found = sorted(folder.glob(pattern))
        if not found:
            raise EngineError(f'expected {pattern} in {folder}, found none; {REMEDY} again')
        libraries.append(found[-1])
    return libraries
