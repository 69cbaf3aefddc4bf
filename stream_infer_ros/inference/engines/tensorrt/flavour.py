"""Which TensorRT there is: `tensorrt` 10 or 11, or `tensorrt_rtx` (TensorRT for RTX)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.tensorrt.logger import logger_of
from stream_infer_ros.inference.engines.tensorrt.rtx_libraries import REMEDY as RTX_REMEDY
from stream_infer_ros.inference.engines.tensorrt.rtx_libraries import load_rtx_libraries

FlavourName = Literal['tensorrt', 'tensorrt_rtx']

# In the order 'auto' tries them. With the release, since JetPack and NVIDIA's containers bring it so.
FLAVOURS: dict[FlavourName, str] = {'tensorrt': 'tensorrt', 'tensorrt_rtx': 'tensorrt_rtx_bindings'}
_REMEDIES: dict[FlavourName, str] = {
    'tensorrt': '`pip install stream_infer_ros[tensorrt]` (JetPack brings it: make the environment with '
    '--system-site-packages)',
    'tensorrt_rtx': RTX_REMEDY,
}
# What memory a context takes is asked for in a way that came after 10.0; 10.3 is the oldest that is checked.
_OLDEST = (10, 3)


@dataclass(frozen=True, slots=True)
class Flavour:
    """A TensorRT that is loaded.

    Attributes:
        name: which.
        version: as the library says it, '10.3.0'.
        trt: the module; all flavours have the same names in it, but for precision (see `typed_networks`).
        logger: see `logger_of`.
    """

    name: FlavourName
    version: str
    trt: Any
    logger: Any

    @property
    def typed_networks(self) -> bool:
        """Whether a network runs in the types of its file (11 and RTX), not as flags allow (10)."""
        return not hasattr(self.trt.BuilderFlag, 'FP16')

    @property
    def names_gpus(self) -> bool:
        """Whether it builds for GPUs that are named, without one being here."""
        return hasattr(self.trt, 'ComputeCapability')

    def register_plugins(self) -> None:
        """Make NVIDIA's own operators known (EfficientNMS_TRT); before a network is parsed or a plan read."""
        self.trt.init_libnvinfer_plugins(self.logger, '')


def flavour_named(name: Literal['auto', 'tensorrt', 'tensorrt_rtx']) -> Flavour:
    """The flavour asked for; for 'auto' the first that is installed. No GPU is touched.

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
    """Why that flavour cannot be had, with the remedy; empty if it can."""
    try:
        _loaded(name)
    except EngineError as error:
        return str(error)
    return ''


@cache
def _loaded(name: FlavourName) -> Flavour:
    if find_spec(FLAVOURS[name]) is None:
        raise EngineError(f'expected the module {FLAVOURS[name]}, found none; {_REMEDIES[name]}')
    if name == 'tensorrt_rtx':
        load_rtx_libraries()
    try:
        trt = import_module(FLAVOURS[name])
    except (ImportError, OSError) as error:  # a library of its own, or of CUDA, is missing
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
