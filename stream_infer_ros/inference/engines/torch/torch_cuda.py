"""Torch on memory and streams that are ours."""

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
    """The seam between a network of torch and the device runner."""

    def tensor_at(self, address: int, dtype: str, shape: tuple[int, ...]) -> Any:
        """Memory of the device as a tensor; the memory stays its owner's."""
        ...

    def on(self, stream: int) -> Any:
        """A context: what torch does inside is queued there."""
        ...

    def record(self, stream: int, queue: Callable[[], object]) -> Recording:
        """Write down what `queue` has torch queue. Raises EngineError if torch refuses."""
        ...


@dataclass(frozen=True, slots=True)
class _Memory:
    """What torch wants to see to look at memory of another library: the CUDA array interface, version 3."""

    __cuda_array_interface__: dict[str, Any]


class TorchCuda:
    def __init__(self, torch: Any, device: str) -> None:
        """`device` as torch calls it, 'cuda:0'."""
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
        """See TorchOnStream. By torch's own graphs, which keep the memory of what lies between."""
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
