"""The installed TensorRT: `tensorrt` 10 or 11, or `tensorrt_rtx` (TensorRT for RTX)."""

from __future__ import annotations

import ctypes
import logging
import threading
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from stream_infer_ros.errors import EngineError

FlavourName = Literal['tensorrt', 'tensorrt_rtx']

# In the order in which 'auto' tries them: TensorRT first, because JetPack and NVIDIA's containers contain it.
FLAVOURS: dict[FlavourName, str] = {'tensorrt': 'tensorrt', 'tensorrt_rtx': 'tensorrt_rtx_bindings'}
_REMEDIES: dict[FlavourName, str] = {
    'tensorrt': '`pip install stream_infer_ros[tensorrt]` (JetPack contains it: create the environment with '
    '--system-site-packages)',
    'tensorrt_rtx': '`pip install stream_infer_ros[tensorrt-rtx]` (Linux on x86-64)',
}
# The call for the memory of a context was added after 10.0, and 10.3 is the oldest version that is tested.
_OLDEST = (10, 3)
# The bindings of TensorRT for RTX are linked to libraries that they do not contain. NVIDIA's execution
# provider for ONNX Runtime contains them. They must be loaded in this order, before the bindings.
RTX_CARRIER = 'onnxruntime_ep_nv_tensorrt_rtx'
_RTX_LIBRARIES = ('libcudart.so.*', 'libtensorrt_rtx.so.*', 'libtensorrt_onnxparser_rtx.so.*')

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Flavour:
    """A TensorRT that is loaded.

    Attributes:
        name: name of the flavour.
        version: version of the library, e.g. '10.3.0'.
        trt: the module. All flavours have the same names in it, except for precision (see `typed_networks`).
        logger: see `logger_of`.
    """

    name: FlavourName
    version: str
    trt: Any
    logger: Any

    @property
    def typed_networks(self) -> bool:
        """True if a network runs in the types of its file (11 and RTX). In 10, builder flags decide."""
        return not hasattr(self.trt.BuilderFlag, 'FP16')

    @property
    def names_gpus(self) -> bool:
        """True if it builds for GPUs that are given by compute capability and need not be present."""
        return hasattr(self.trt, 'ComputeCapability')

    def register_plugins(self) -> None:
        """Register NVIDIA's own operators (EfficientNMS_TRT). Call this before a network or plan is read."""
        self.trt.init_libnvinfer_plugins(self.logger, '')


def flavour_named(name: Literal['auto', 'tensorrt', 'tensorrt_rtx']) -> Flavour:
    """Load a flavour; for 'auto' the first that is installed. No GPU is used.

    Raises EngineError with the remedy if it cannot be loaded.
    """
    if name != 'auto':
        return _loaded(name)
    for candidate, module in FLAVOURS.items():
        if find_spec(module) is not None:
            return _loaded(candidate)
    raise EngineError(
        f'expected TensorRT, found neither {" nor ".join(FLAVOURS)}; {" or ".join(_REMEDIES.values())}'
    )


def why_not(name: FlavourName) -> str:
    """Return why a flavour cannot be loaded, with the remedy; empty if it can."""
    try:
        _loaded(name)
    except EngineError as error:
        return str(error)
    return ''


def logger_of(trt: Any) -> Any:
    """Return a TensorRT ILogger that keeps errors for the message of the exception that follows.

    A process has only one, because TensorRT keeps the first logger it gets. Warnings of TensorRT are logged
    as information: they are for the authors of networks, not for users.
    """

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: list[str] = []
            self._lock = threading.Lock()

        def log(self, severity: Any, message: str) -> None:
            """Handle a message. TensorRT calls this from any thread."""
            if severity in {trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR}:
                with self._lock:
                    self._errors.append(message)
                _log.debug(message)
            elif severity == trt.ILogger.Severity.WARNING:
                _log.info(message)

        def taken_errors(self) -> list[str]:
            """Return the errors since the last call, oldest first."""
            with self._lock:
                errors, self._errors = self._errors, []
            return errors

    return Logger()


def load_rtx_libraries() -> None:
    """Load the libraries of TensorRT for RTX into the process. Raises EngineError."""
    for library in _rtx_libraries():
        try:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise EngineError(
                f'expected to load {library.name} for TensorRT for RTX, the system says: {error}; '
                f'{_REMEDIES["tensorrt_rtx"]} again'
            ) from error


def _rtx_libraries() -> list[Path]:
    carrier, remedy = find_spec(RTX_CARRIER), _REMEDIES['tensorrt_rtx']
    if carrier is None or carrier.origin is None:
        raise EngineError(
            f'expected the package {RTX_CARRIER}, which contains TensorRT for RTX, found none; {remedy}'
        )
    folder = Path(carrier.origin).parent
    libraries = []
    for pattern in _RTX_LIBRARIES:
        found = sorted(folder.glob(pattern))
        if not found:
            raise EngineError(f'expected {pattern} in {folder}, found none; {remedy} again')
        libraries.append(found[-1])
    return libraries


@cache
def _loaded(name: FlavourName) -> Flavour:
    if find_spec(FLAVOURS[name]) is None:
        raise EngineError(f'expected the module {FLAVOURS[name]}, found none; {_REMEDIES[name]}')
    if name == 'tensorrt_rtx':
        load_rtx_libraries()
    try:
        trt = import_module(FLAVOURS[name])
    except (ImportError, OSError) as error:  # a library of TensorRT or CUDA is missing
        raise EngineError(
            f'expected to import {FLAVOURS[name]}, Python says: {error}; {_REMEDIES[name]}'
        ) from error
    flavour = Flavour(name, trt.__version__, trt, logger_of(trt))
    if name == 'tensorrt' and tuple(map(int, flavour.version.split('.')[:2])) < _OLDEST:
        raise EngineError(
            f'expected TensorRT {".".join(map(str, _OLDEST))} or newer, found {flavour.version}; '
            f'{_REMEDIES[name]}, or upgrade to JetPack 6.1'
        )
    return flavour
