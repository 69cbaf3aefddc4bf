"""A plan that a TensorRT runtime has read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.device import Cuda, CudaGraph, DeviceOutput
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour
from stream_infer_ros.inference.engines.tensorrt.plan import Plan

# TensorRT's names of what an output may be.
_DTYPES = {
    'FLOAT': 'float32',
    'HALF': 'float16',
    'INT8': 'int8',
    'INT32': 'int32',
    'INT64': 'int64',
    'UINT8': 'uint8',
    'BOOL': 'bool',
}
_Shape = tuple[int, ...]


class TensorRtNetwork:
    """See DeviceNetwork. Has one execution context, hence one stream at a time."""

    def __init__(self, cuda: Cuda, plan: Plan, runtime: Any, engine: Any) -> None:
        """See `read`. Raises EngineError if the GPU has too little memory."""
        self._cuda = cuda
        self._flavour = plan.flavour
        self._input = plan.image_input
        self._runtime = runtime
        self._engine = engine
        self._context = engine.create_execution_context()
        if self._context is None:
            raise refusal(
                plan.flavour,
                'memory for activations',
                'lower engine.max_batch, or end what else uses the GPU (see nvidia-smi)',
            )
        self._n = 0
        self._set_batch(plan.image_input.fixed_batch or plan.max_batch)
        self._allocators: dict[str, Any] = {}
        self._outputs = tuple(self._output(tensor.name) for tensor in plan.io.outputs)

    @classmethod
    def read(cls, cuda: Cuda, plan: Plan) -> TensorRtNetwork | None:
        """None if TensorRT does not take the plan. The calling thread has chosen the GPU."""
        runtime = plan.flavour.trt.Runtime(plan.flavour.logger)
        engine = runtime.deserialize_cuda_engine(plan.serialized)
        return None if engine is None else cls(cuda, plan, runtime, engine)

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        """See DeviceNetwork."""
        return self._outputs

    @property
    def recordable(self) -> bool:
        """See DeviceNetwork. Outputs whose number only the pictures tell make TensorRT wait in the middle."""
        return not self._allocators

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[_Shape, ...]:
        """See DeviceNetwork."""
        if n != self._n:
            self._set_batch(n)
        self._bind(self._input.name, source)
        for output, target in zip(self._outputs, targets, strict=True):
            if output.name in self._allocators:
                self._allocators[output.name].place(target, output.most_bytes)
            else:
                self._bind(output.name, target)
        if not self._context.execute_async_v3(stream):
            raise self._failure('the network to run', 'see nvidia-smi, or try another engine.kind')
        return tuple(
            self._allocators[output.name].shape
            if output.name in self._allocators
            else self._shape(output.name)
            for output in self._outputs
        )

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> CudaGraph:
        """See DeviceNetwork."""
        # TensorRT for RTX compiles kernels while it runs, and says when it is done with that.
        capturable = getattr(self._context, 'is_stream_capturable', None)
        if capturable is not None and not capturable(stream):
            raise EngineError('expected a network whose kernels are all compiled, TensorRT is not done yet')
        return CudaGraph.capture(self._cuda, stream, lambda: self.run(n, source, targets, stream))

    def close(self) -> None:
        """Give it back; nothing of it is running any more."""
        self._allocators = {}
        self._context = None
        self._engine = None
        self._runtime = None

    def _set_batch(self, n: int) -> None:
        shape = self._input.shape(n)
        if not self._context.set_input_shape(self._input.name, shape):
            raise self._failure(f'input {self._input.name!r} of {shape}', 'lower engine.max_batch')
        self._n = n

    def _bind(self, name: str, address: int) -> None:
        if not self._context.set_tensor_address(name, address):
            raise self._failure(f'a tensor {name!r} in the plan', 'build the plan again')

    def _shape(self, name: str) -> _Shape:
        return tuple(int(size) for size in self._context.get_tensor_shape(name))

    def _output(self, name: str) -> DeviceOutput:
        """What is largest at the largest batch, which is set."""
        kind = self._engine.get_tensor_dtype(name).name
        if kind not in _DTYPES:
            raise ModelError(
                f'expected output {name!r} as one of {", ".join(_DTYPES)}, got {kind}; '
                f'export the network with float32 outputs'
            )
        dtype, shape = _DTYPES[kind], self._shape(name)
        if min(shape, default=0) >= 0:
            return DeviceOutput(name, dtype, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        allocator = _output_allocator(self._flavour)
        if not self._context.set_output_allocator(name, allocator):
            raise self._failure(f'output {name!r} of a size known when it ran', 'fix its shape in the export')
        self._allocators[name] = allocator
        return DeviceOutput(name, dtype, int(self._context.get_max_output_size(name)))

    def _failure(self, wanted: str, remedy: str) -> EngineError:
        return refusal(self._flavour, wanted, remedy)


def refusal(flavour: Flavour, wanted: str, remedy: str) -> EngineError:
    """TensorRT said no: with what it wrote to its log."""
    said = '; '.join(flavour.logger.taken_errors()) or 'nothing'
    return EngineError(f'expected of TensorRT {wanted}, it says: {said}; {remedy}')


def _output_allocator(flavour: Flavour) -> Any:
    """Memory of an output whose shape TensorRT tells only when it ran; ours, with room for the largest."""

    class OutputAllocator(flavour.trt.IOutputAllocator):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            flavour.trt.IOutputAllocator.__init__(self)
            self.shape: _Shape = ()
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
