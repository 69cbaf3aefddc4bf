"""One execution context of a plan: an input shape, addresses, and a share of scratch memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device import DeviceOutput
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour
from stream_infer_ros.inference.input_packing import ImageInput

Shape = tuple[int, ...]


class TensorRtContext:
    """An execution context. Contexts that use the same stream may share their scratch memory."""

    def __init__(
        self, flavour: Flavour, engine: Any, image_input: ImageInput, scratch: int, scratch_bytes: int
    ) -> None:
        """`scratch` is the address of `scratch_bytes` on the device. Raises EngineError."""
        self._flavour = flavour
        self._input = image_input
        strategy = flavour.trt.ExecutionContextAllocationStrategy.USER_MANAGED
        self._context = engine.create_execution_context(strategy)
        if self._context is None:
            raise refusal(flavour, 'a context to run in', 'lower engine.max_batch, or choose another kind')
        self._context.set_device_memory(scratch, scratch_bytes)
        self._n = 0
        self._allocators: dict[str, Any] = {}

    def set_batch(self, n: int) -> None:
        """Set the number of images of the next runs."""
        shape = self._input.shape(n)
        if n != self._n and not self._context.set_input_shape(self._input.name, shape):
            raise refusal(self._flavour, f'input {self._input.name!r} of {shape}', 'lower engine.max_batch')
        self._n = n

    def shape_of(self, output: str) -> Shape:
        """Return the shape of an output for the set batch; -1 for sizes that depend on the pictures."""
        return tuple(int(size) for size in self._context.get_tensor_shape(output))

    def most_bytes(self, output: str) -> int:
        """Return the largest size of an output whose shape depends on the pictures; -1 if it has no bound."""
        return int(self._context.get_max_output_size(output))

    def learn_shape(self, output: str) -> None:
        """Ask for the shape of this output at every run."""
        allocator = output_allocator(self._flavour.trt)
        if not self._context.set_output_allocator(output, allocator):
            raise refusal(
                self._flavour,
                f'to report the size of output {output!r} after a run',
                'export the network with outputs of fixed size',
            )
        self._allocators[output] = allocator

    def run(
        self, n: int, source: int, outputs: Sequence[DeviceOutput], targets: Sequence[int], stream: int
    ) -> tuple[Shape, ...]:
        self.set_batch(n)
        self._bind(self._input.name, source)
        for output, target in zip(outputs, targets, strict=True):
            if output.name in self._allocators:
                self._allocators[output.name].place(target, output.most_bytes)
            else:
                self._bind(output.name, target)
        if not self._context.execute_async_v3(stream):
            raise refusal(self._flavour, 'the network to run', 'see nvidia-smi, or try another engine.kind')
        return tuple(
            self._allocators[output.name].shape
            if output.name in self._allocators
            else self.shape_of(output.name)
            for output in outputs
        )

    def is_capturable(self, stream: int) -> bool:
        """True if a run can be recorded. In TensorRT for RTX, runs that allocate memory cannot."""
        asked = getattr(self._context, 'is_stream_capturable', None)
        return asked is None or bool(asked(stream))

    def _bind(self, name: str, address: int) -> None:
        if not self._context.set_tensor_address(name, address):
            raise refusal(self._flavour, f'a tensor {name!r} in the plan', 'build the plan again')


def refusal(flavour: Flavour, wanted: str, remedy: str) -> EngineError:
    """Return the error for a call that TensorRT refused, with the messages of its log."""
    said = '; '.join(flavour.logger.taken_errors()) or 'nothing'
    return EngineError(f'expected of TensorRT {wanted}, it says: {said}; {remedy}')


def output_allocator(trt: Any) -> Any:
    """Return an IOutputAllocator that returns given memory and keeps the reported shape."""

    class OutputAllocator(trt.IOutputAllocator):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IOutputAllocator.__init__(self)
            self.shape: tuple[int, ...] = ()
            self._address = 0
            self._most_bytes = 0

        def place(self, address: int, most_bytes: int) -> None:
            """Set the memory for the output of the next run."""
            self._address, self._most_bytes = address, most_bytes

        def reallocate_output(self, _name: str, _memory: int, size: int, _alignment: int) -> int:
            """Return the memory, or 0 if it is too small. TensorRT calls this."""
            return self._address if size <= self._most_bytes else 0

        def reallocate_output_async(
            self, name: str, memory: int, size: int, alignment: int, _stream: int
        ) -> int:
            """Return the memory. TensorRT calls this."""
            return self.reallocate_output(name, memory, size, alignment)

        def notify_shape(self, _name: str, shape: Any) -> None:
            """Keep the shape of the output. TensorRT calls this."""
            self.shape = tuple(int(size) for size in shape)

    make: Callable[[], Any] = OutputAllocator
    return make()
