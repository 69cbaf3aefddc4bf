"""The contract of an inference runtime, and what it says about its network."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Name, dtype and shape of one tensor; -1 stands for a free dimension."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EngineIo:
    """Inputs and outputs of a loaded network."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]


class Engine(Protocol):
    """Runs one network on one device. Used by one thread at a time; `load` before anything else.

    The arrays that `infer` returns belong to the caller and stay valid after the next call.
    """

    @property
    def io(self) -> EngineIo:
        """What goes in and comes out; known after `load`."""
        ...

    def load(self) -> None:
        """Read and compile the network. Raises ModelError (the file) or EngineError (the runtime)."""
        ...

    def infer(self, batch: NDArray[np.uint8], n: int) -> dict[str, NDArray[Any]]:
        """Run the first `n` images of `batch` (capacity, height, width, 3) uint8 NHWC.

        Returns each output by name, first dimension `n`. Raises EngineError if the runtime fails.
        """
        ...

    def close(self) -> None:
        """Free the device. Safe to call twice."""
        ...
