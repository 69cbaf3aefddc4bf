"""A TensorRT plan that is loaded on a device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.device import Cuda, CudaGraph, DeviceOutput
from stream_infer_ros.inference.engines.tensorrt.build import Plan
from stream_infer_ros.inference.engines.tensorrt.tensorrt_context import Shape, TensorRtContext, refusal

# TensorRT's names of the types that an input or output may have.
DTYPES = {
    'FLOAT': 'float32',
    'HALF': 'float16',
    'INT8': 'int8',
    'INT32': 'int32',
    'INT64': 'int64',
    'UINT8': 'uint8',
    'BOOL': 'bool',
}


class TensorRtNetwork:
    """A loaded plan.

    TensorRT's guide says that a context must not be used after it was recorded. Each recording therefore has
    its own context. All contexts share one scratch memory, because they run one after the other on one
    stream.
    """

    def __init__(self, cuda: Cuda, plan: Plan, runtime: Any, engine: Any) -> None:
        """`engine` is what `runtime` has read from the plan. Raises ModelError or EngineError."""
        self._cuda = cuda
        self._plan = plan
        self._runtime = runtime
        self._engine = engine
        self._scratch_bytes = max(int(engine.device_memory_size_v2), 1)
        self._unknown: list[str] = []
        with ExitStack() as resources:
            self._scratch = cuda.malloc(self._scratch_bytes)
            resources.callback(cuda.free, self._scratch)
            context = self._new_context()
            context.set_batch(plan.image_input.fixed_batch or plan.max_batch)
            self._outputs = tuple(self._output(context, tensor.name) for tensor in plan.io.outputs)
            self._context: TensorRtContext | None = context
            self._resources = resources.pop_all()

    @classmethod
    def read(cls, cuda: Cuda, plan: Plan) -> TensorRtNetwork | None:
        """Load a plan on the GPU of the calling thread. Return None if TensorRT cannot read it."""
        runtime = plan.flavour.trt.Runtime(plan.flavour.logger)
        engine = runtime.deserialize_cuda_engine(plan.serialized)
        return None if engine is None else cls(cuda, plan, runtime, engine)

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        return self._outputs

    @property
    def recordable(self) -> bool:
        """False if the size of an output depends on the pictures: TensorRT then waits during a run."""
        return not self._unknown

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[Shape, ...]:
        assert self._context is not None
        return self._context.run(n, source, self._outputs, targets, stream)

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> RecordedContext:
        context = self._new_context()

        def queue() -> None:
            context.run(n, source, self._outputs, targets, stream)

        try:
            # TensorRT postpones work to the first run of a shape. It must not be recorded.
            queue()
            if not context.is_capturable(stream):
                raise EngineError(
                    'expected a run that can be captured, TensorRT for RTX says this one cannot'
                )
            return RecordedContext(CudaGraph.capture(self._cuda, stream, queue), context)
        except EngineError:
            # The context is freed when this returns, and its run may still be in progress.
            self._cuda.synchronise_stream(stream)
            raise

    def close(self) -> None:
        self._context = None
        self._engine = None
        self._runtime = None
        self._resources.close()

    def _new_context(self) -> TensorRtContext:
        return TensorRtContext(
            self._plan.flavour, self._engine, self._plan.image_input, self._scratch, self._scratch_bytes
        )

    def _output(self, context: TensorRtContext, name: str) -> DeviceOutput:
        """Describe an output. Its largest size is that for the largest batch, which is set."""
        kind = self._engine.get_tensor_dtype(name).name
        if kind not in DTYPES:
            raise ModelError(
                f'expected output {name!r} as one of {", ".join(DTYPES)}, got {kind}; '
                f'export the network with float32 outputs'
            )
        dtype, shape = DTYPES[kind], context.shape_of(name)
        if min(shape, default=0) >= 0:
            return DeviceOutput(name, dtype, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        context.learn_shape(name)
        self._unknown.append(name)
        most_bytes = context.most_bytes(name)
        if most_bytes < 0:
            raise refusal(
                self._plan.flavour,
                f'the largest size of output {name!r}',
                'export the network with outputs of fixed size',
            )
        return DeviceOutput(name, dtype, most_bytes)


@dataclass(frozen=True, slots=True)
class RecordedContext:
    """A recorded run, with the context that it runs in."""

    graph: CudaGraph
    context: TensorRtContext

    def launch(self, stream: int) -> None:
        self.graph.launch(stream)

    def close(self) -> None:
        self.graph.close()
