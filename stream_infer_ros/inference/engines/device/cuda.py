"""The calls of the CUDA runtime that running a network takes, and the choice of a GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ConfigError, EngineError


@dataclass(frozen=True, slots=True)
class CudaDevice:
    """One GPU.

    Attributes:
        index: CUDA's index of the GPU.
        name: CUDA's name of the GPU.
        compute_capability: major and minor version, e.g. (8, 9).
        memory_bytes: total memory.
    """

    index: int
    name: str
    compute_capability: tuple[int, int]
    memory_bytes: int


class Cuda(Protocol):
    """The CUDA runtime; each method is one of its calls.

    Addresses, streams, events and graphs are CUDA's own numbers. Every method raises EngineError with CUDA's
    message if the call fails. The error may also come from work that was queued earlier, because CUDA reports
    such a failure at any later call.
    """

    def device_count(self) -> int:
        """Return the number of GPUs. This must be the first call."""
        ...

    def device(self, index: int) -> CudaDevice:
        """Return the properties of a GPU."""
        ...

    def use(self, index: int) -> None:
        """Select the GPU for the calling thread."""
        ...

    def malloc(self, size: int) -> int:
        """Allocate `size` bytes on the GPU and return their address."""
        ...

    def free(self, address: int) -> None:
        """Free memory of `malloc`."""
        ...

    def host_malloc(self, size: int) -> NDArray[np.uint8]:
        """Allocate `size` bytes of pinned memory, which the GPU can read and write directly."""
        ...

    def host_free(self, memory: NDArray[np.uint8]) -> None:
        """Free an array of `host_malloc`, which must not be used any more."""
        ...

    def upload(self, address: int, memory: NDArray[Any], stream: int) -> None:
        """Queue a copy of contiguous pinned `memory` to the GPU."""
        ...

    def download(self, memory: NDArray[Any], address: int, stream: int) -> None:
        """Queue a copy from the GPU that fills contiguous pinned `memory`."""
        ...

    def create_stream(self) -> int:
        """Create a stream that does not wait for other streams."""
        ...

    def synchronise_stream(self, stream: int) -> None:
        """Wait until all queued work of a stream is done."""
        ...

    def destroy_stream(self, stream: int) -> None:
        """Destroy a stream."""
        ...

    def create_event(self) -> int:
        """Create an event. Waiting for it does not use the CPU."""
        ...

    def record(self, event: int, stream: int) -> None:
        """Queue an event after the present work of a stream."""
        ...

    def wait(self, stream: int, event: int) -> None:
        """Let later work of a stream start only after an event."""
        ...

    def synchronise_event(self, event: int) -> None:
        """Wait until an event is reached."""
        ...

    def destroy_event(self, event: int) -> None:
        """Destroy an event."""
        ...

    def begin_capture(self, stream: int) -> None:
        """Begin to record the work that is queued on `stream` instead of running it."""
        ...

    def end_capture(self, stream: int) -> int:
        """End the recording, even if this raises, and return its graph."""
        ...

    def instantiate(self, graph: int) -> int:
        """Return an executable graph."""
        ...

    def destroy_graph(self, graph: int) -> None:
        """Destroy a graph of `end_capture`. Its executable graphs remain valid."""
        ...

    def launch(self, graph_exec: int, stream: int) -> None:
        """Queue the work of an executable graph."""
        ...

    def destroy_graph_exec(self, graph_exec: int) -> None:
        """Destroy an executable graph."""
        ...


def choose_device(cuda: Cuda, wanted: str) -> CudaDevice:
    """Return the GPU that `engine.device` selects: 'auto' and 'cuda' the first, 'cuda:1' the second.

    CUDA is asked for the number of GPUs first, because a runtime that starts without a GPU may crash.
    Raises ConfigError for any other name, and EngineError if there is no such GPU.
    """
    named = re.fullmatch(r'(?:auto|cuda|gpu)(?::(\d+))?', wanted.strip().lower())
    if named is None:
        raise ConfigError(
            f"expected engine.device of auto, cuda or cuda:<number>, got '{wanted}'; correct it"
        )
    index = int(named.group(1) or 0)
    count = cuda.device_count()
    if index >= count:
        raise EngineError(
            f"expected an NVIDIA GPU for engine.device '{wanted}', found {count or 'none'}; check "
            f'nvidia-smi, start a container with --gpus all, or choose another engine.kind'
        )
    return cuda.device(index)
