"""The contract of an inference runtime."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

__all__ = ['Engine', 'EngineIo', 'TensorInfo']


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

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """Run the first `n` images of `batch` (capacity, height, width, 3) uint8 NHWC.

        Args:
            batch: stays the caller's, who fills it again after the call.
            n: at least 1.
            within_s: how long the result is worth waiting for. Engines of this process, which cannot give up
                a run, ignore it.

        Returns each output by name, first dimension `n`. Raises InferenceMissed if this batch has no result
        in time and the next may have one, any other EngineError if the runtime failed.
        """
        ...

    def close(self) -> None:
        """Free the device. Safe to call twice; `load` may follow."""
        ...
