"""Run torch on memory and streams of the device runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device import Recording
from stream_infer_ros.inference.engines.runtime import last_line
from stream_infer_ros.inference.engines.torch.picture_model import RUN_ERRORS


class TorchOnStream(Protocol):
    """The interface between a torch network and the device runner."""

    def tensor_at(self, address: int, dtype: str, shape: tuple[int, ...]) -> Any:
        """Return a tensor that views device memory. The memory belongs to the caller."""
        ...

    def on(self, stream: int) -> Any:
        """Return a context manager in which torch queues its work on the stream."""
        ...

    def record(self, stream: int, queue: Callable[[], object]) -> Recording:
        """Record the work that torch queues in `queue`. Raises EngineError if torch cannot."""
        ...


@dataclass(frozen=True, slots=True)
class _Memory:
    """Memory of another library for torch: the CUDA array interface, version 3."""

    __cuda_array_interface__: dict[str, Any]


class TorchCuda:
    def __init__(self, torch: Any, device: str) -> None:
        """`device` is torch's name of it, e.g. 'cuda:0'."""
        self._torch = torch
        self._device = device

    def tensor_at(self, address: int, dtype: str, shape: tuple[int, ...]) -> Any:
        memory = _Memory(
            {'shape': shape, 'typestr': np.dtype(dtype).str, 'data': (address, False), 'version': 3}
        )
        return self._torch.as_tensor(memory, device=self._device)

    @contextmanager
    def on(self, stream: int) -> Iterator[None]:
        with self._torch.cuda.stream(self._external(stream)):
            yield

    def record(self, stream: int, queue: Callable[[], object]) -> Recording:
        # torch's own graphs also keep the memory of intermediate results.
        graph = self._torch.cuda.CUDAGraph()
        try:
            with self._torch.cuda.graph(
                graph, stream=self._external(stream), capture_error_mode='thread_local'
            ):
                queue()
        except RUN_ERRORS as error:
            raise EngineError(
                f'expected a network that can be recorded, torch says: {last_line(error)}; '
                f'export it without copies to the CPU'
            ) from error
        return _TorchGraph(self, graph)

    def _external(self, stream: int) -> Any:
        return self._torch.cuda.ExternalStream(stream, device=self._device)


@dataclass(frozen=True, slots=True)
class _TorchGraph:
    cuda: TorchCuda
    graph: Any

    def launch(self, stream: int) -> None:
        with self.cuda.on(stream):
            self.graph.replay()

    def close(self) -> None:
        self.graph.reset()
