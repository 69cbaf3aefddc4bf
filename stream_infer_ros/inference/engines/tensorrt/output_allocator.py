"""Memory of an output whose shape TensorRT tells only when it ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def output_allocator(trt: Any) -> Any:
    """An IOutputAllocator that hands out memory it was given, and keeps the shape it is told."""

    class OutputAllocator(trt.IOutputAllocator):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IOutputAllocator.__init__(self)
            self.shape: tuple[int, ...] = ()
            self._address = 0
            self._most_bytes = 0

        def place(self, address: int, most_bytes: int) -> None:
            """Where the next run puts it."""
            self._address, self._most_bytes = address, most_bytes

        def reallocate_output(self, _name: str, _memory: int, size: int, _alignment: int) -> int:
            """TensorRT calls this; 0 says no."""
            return self._address if size <= self._most_bytes else 0

        def reallocate_output_async(
            self, name: str, memory: int, size: int, alignment: int, _stream: int
        ) -> int:
            """TensorRT calls this."""
            return self.reallocate_output(name, memory, size, alignment)

        def notify_shape(self, _name: str, shape: Any) -> None:
            """TensorRT calls this."""
            self.shape = tuple(int(size) for size in shape)

    make: Callable[[], Any] = OutputAllocator
    return make()
