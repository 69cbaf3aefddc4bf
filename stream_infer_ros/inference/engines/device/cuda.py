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
        index: as CUDA counts.
        name: as CUDA says it.
        compute_capability: (8, 9).
        memory_bytes: all of it.
    """

    index: int
    name: str
    compute_capability: tuple[int, int]
    memory_bytes: int


class Cuda(Protocol):
    """CUDA's runtime, one method for one call.

    Addresses, streams, events and graphs are the numbers that CUDA itself gives. Every method raises
    EngineError with CUDA's words; what it was asked for has then not happened, but work that was queued
    before may have failed, too: CUDA reports that at any later call.
    """

    def device_count(self) -> int:
        """How many GPUs there are. Called before anything else touches one."""
        ...

    def device(self, index: int) -> CudaDevice:
        """What a GPU is."""
        ...

    def use(self, index: int) -> None:
        """Make a GPU the calling thread's."""
        ...

    def malloc(self, size: int) -> int:
        """Address of `size` bytes on the GPU, of any content."""
        ...

    def free(self, address: int) -> None:
        """Give memory of `malloc` back."""
        ...

    def host_malloc(self, size: int) -> NDArray[np.uint8]:
        """`size` bytes of pinned memory, which the GPU copies from and to by itself."""
        ...

    def host_free(self, memory: NDArray[np.uint8]) -> None:
        """Give an array of `host_malloc` back; nobody may look at it any more."""
        ...

    def upload(self, address: int, memory: NDArray[Any], stream: int) -> None:
        """Queue a copy of contiguous pinned `memory` to the GPU."""
        ...

    def download(self, memory: NDArray[Any], address: int, stream: int) -> None:
        """Queue a copy from the GPU that fills contiguous pinned `memory`."""
        ...

    def create_stream(self) -> int:
        """A queue of work that waits for no other."""
        ...

    def synchronise_stream(self, stream: int) -> None:
        """Return when everything that was queued is done."""
        ...

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back."""
        ...

    def create_event(self) -> int:
        """A mark to put into a stream; waiting for it does not burn a core."""
        ...

    def record(self, event: int, stream: int) -> None:
        """Put the mark behind what is queued by now."""
        ...

    def wait(self, stream: int, event: int) -> None:
        """What is queued from now on starts after the mark."""
        ...

    def synchronise_event(self, event: int) -> None:
        """Return when the mark is reached."""
        ...

    def destroy_event(self, event: int) -> None:
        """Give an event back."""
        ...

    def begin_capture(self, stream: int) -> None:
        """From now on what is queued on `stream` is written down instead of run."""
        ...

    def end_capture(self, stream: int) -> int:
        """The graph of what was written down. Ends the capture also where it raises."""
        ...

    def instantiate(self, graph: int) -> int:
        """The graph, made ready to be launched."""
        ...

    def destroy_graph(self, graph: int) -> None:
        """Give a graph of `end_capture` back; what was instantiated from it lives on."""
        ...

    def launch(self, graph_exec: int, stream: int) -> None:
        """Queue all of an instantiated graph."""
        ...

    def destroy_graph_exec(self, graph_exec: int) -> None:
        """Give a graph of `instantiate` back."""
        ...


def choose_device(cuda: Cuda, wanted: str) -> CudaDevice:
    """The GPU that `engine.device` names: 'auto' and 'cuda' are the first, 'cuda:1' the second.

    Asks CUDA for the count before anything else: a runtime that is started without a GPU may crash.
    Raises ConfigError for any other name, EngineError if there is no such GPU.
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
