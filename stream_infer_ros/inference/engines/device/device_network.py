"""A network on a CUDA device: it reads and writes given addresses, and its runs can be recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Protocol

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device.cuda import Cuda

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeviceOutput:
    """One output as it lies on the device.

    Attributes:
        name: of the tensor.
        dtype: as numpy names it.
        most_bytes: the largest it gets.
    """

    name: str
    dtype: str
    most_bytes: int


class Recording(Protocol):
    """What a run queues, written down once to be queued again without the runtime."""

    def launch(self, stream: int) -> None:
        """Queue it."""
        ...

    def close(self) -> None:
        """Give it back; nothing of it is running any more."""
        ...


class DeviceNetwork(Protocol):
    """A network that is loaded on a device. Everything of it happens on one stream, on one thread."""

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        """In the order of the addresses that `run` gets."""
        ...

    @property
    def recordable(self) -> bool:
        """Whether a run queues the same work each time, whatever the pictures."""
        ...

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[Shape, ...]:
        """Queue one run.

        Args:
            n: images; of a network of a fixed batch, that many.
            source: address of the input.
            targets: address of each output, `most_bytes` long.
            stream: to queue it on.

        Returns the shape of each output. Raises EngineError.
        """
        ...

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> Recording:
        """Write down what `run` queues. Raises EngineError where that cannot be had."""
        ...

    def close(self) -> None:
        """Give it back; nothing of it is running any more. Called once."""
        ...


class CudaGraph:
    def __init__(self, cuda: Cuda, graph_exec: int, resources: ExitStack) -> None:
        """`resources` are given back with it."""
        self._cuda = cuda
        self._graph_exec = graph_exec
        self._resources = resources

    @classmethod
    def capture(cls, cuda: Cuda, stream: int, queue: Callable[[], object]) -> CudaGraph:
        """Write down what `queue` queues on `stream`. Raises EngineError if CUDA or `queue` refuses."""
        cuda.begin_capture(stream)
        try:
            queue()
        except BaseException:
            # The stream leaves the capture by this call even though it complains of what is being raised.
            with suppress(EngineError):
                cuda.destroy_graph(cuda.end_capture(stream))
            raise
        with ExitStack() as undo:
            graph = cuda.end_capture(stream)
            undo.callback(cuda.destroy_graph, graph)
            graph_exec = cuda.instantiate(graph)
            undo.callback(cuda.destroy_graph_exec, graph_exec)
            return cls(cuda, graph_exec, undo.pop_all())

    def launch(self, stream: int) -> None:
        self._cuda.launch(self._graph_exec, stream)

    def close(self) -> None:
        self._resources.close()
