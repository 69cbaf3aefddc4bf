"""Which TensorRT there is: `tensorrt` 10 or 11, or `tensorrt_rtx` (TensorRT for RTX)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Flavour:
    """A TensorRT that is loaded.

    Attributes:
        name: 'tensorrt' or 'tensorrt_rtx'.
        version: as the library says it, '10.3.0'.
        trt: the module; all flavours have the same names in it.
        logger: an ILogger for `trt.Builder` and `trt.Runtime`.
    """

    name: str
    version: str
    trt: Any
    logger: Any
