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
    """One output on the device.

    Attributes:
        name: name of the tensor.
        dtype: numpy's name of its type.
        most_bytes: its largest size.
    """

    name: str
    dtype: str
    most_bytes: int


class Recording(Protocol):
    """A recorded run, which can be queued again without the runtime."""

    def launch(self, stream: int) -> None:
        """Queue the run."""
        ...

    def close(self) -> None:
        """Free the recording, after its last run has ended."""
        ...


class DeviceNetwork(Protocol):
    """A network that is loaded on a device. Use it on one stream and from one thread only."""

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        """The outputs, in the order of the addresses that `run` gets."""
        ...

    @property
    def recordable(self) -> bool:
        """True if every run queues the same work, whatever the pictures."""
        ...

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[Shape, ...]:
        """Queue one run.

        Args:
            n: number of images; for a network with a fixed batch size always that.
            source: address of the input.
            targets: address of each output, with room for `most_bytes`.
            stream: the stream to queue the run on.

        Returns the shape of each output. Raises EngineError.
        """
        ...

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> Recording:
        """Record the work that `run` queues. Raises EngineError if that is not possible."""
        ...

    def close(self) -> None:
        """Free the network, once, after all its runs have ended."""
        ...


class CudaGraph:
    """A recording as a CUDA graph."""

    def __init__(self, cuda: Cuda, graph_exec: int, resources: ExitStack) -> None:
        """`resources` are freed with the graph."""
        self._cuda = cuda
        self._graph_exec = graph_exec
        self._resources = resources

    @classmethod
    def capture(cls, cuda: Cuda, stream: int, queue: Callable[[], object]) -> CudaGraph:
        """Record the work that `queue` queues on `stream`. Raises EngineError if CUDA or `queue` fails."""
        cuda.begin_capture(stream)
        try:
            queue()
        except BaseException:
            # This call ends the capture, although it also reports the error that is being raised.
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
