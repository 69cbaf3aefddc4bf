"""Memory of one batch on the host and on the device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.device.cuda import Cuda
from stream_infer_ros.inference.engines.device.device_network import DeviceOutput, Shape
from stream_infer_ros.inference.input_packing import ImageInput


@dataclass(frozen=True, slots=True)
class BufferSet:
    """Pinned and device memory of one batch.

    Attributes:
        number: index of the set.
        staged_input: (most, ...) pinned, packed for the network.
        source: address of the input on the device.
        staged_outputs: pinned bytes of each output.
        targets: address of each output on the device.
        uploaded: event; the input is on the device.
        done: event; the outputs are in `staged_outputs`.
    """

    number: int
    staged_input: NDArray[Any]
    source: int
    staged_outputs: tuple[NDArray[np.uint8], ...]
    targets: tuple[int, ...]
    uploaded: int
    done: int

    @classmethod
    def allocate(
        cls,
        cuda: Cuda,
        number: int,
        image_input: ImageInput,
        most: int,
        outputs: Sequence[DeviceOutput],
        resources: ExitStack,
    ) -> BufferSet:
        """Allocate memory for up to `most` images. `resources` frees it, even if a later allocation fails."""

        def pinned(size: int) -> NDArray[np.uint8]:
            memory = cuda.host_malloc(size)
            resources.callback(cuda.host_free, memory)
            return memory

        def on_device(size: int) -> int:
            address = cuda.malloc(size)
            resources.callback(cuda.free, address)
            return address

        def event() -> int:
            handle = cuda.create_event()
            resources.callback(cuda.destroy_event, handle)
            return handle

        shape = image_input.shape(most)
        staged = pinned(int(np.prod(shape)) * np.dtype(image_input.dtype).itemsize)
        return cls(
            number,
            staged.view(image_input.dtype).reshape(shape),
            on_device(staged.nbytes),
            tuple(pinned(max(output.most_bytes, 1)) for output in outputs),
            tuple(on_device(max(output.most_bytes, 1)) for output in outputs),
            event(),
            event(),
        )

    def result(self, output: int, dtype: str, shape: Shape) -> NDArray[Any]:
        """Return a copy of a downloaded output."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        array: NDArray[Any] = self.staged_outputs[output][:size].view(dtype).reshape(shape).copy()
        return array
