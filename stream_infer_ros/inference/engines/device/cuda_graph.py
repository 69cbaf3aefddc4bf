"""A CUDA graph: what a run queues, written down."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device.cuda import Cuda


class CudaGraph:
    """See Recording."""

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
        """See Recording."""
        self._cuda.launch(self._graph_exec, stream)

    def close(self) -> None:
        """See Recording."""
        self._resources.close()
