"""A plan that a TensorRT runtime has read."""

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


class TensorRtNetwork:
    """See DeviceNetwork.

    A context that was recorded must not be touched any more, says TensorRT's guide: so each recording has a
    context of its own. All share one scratch memory, since they run one after the other on one stream.
    """

    def __init__(self, cuda: Cuda, plan: Plan, runtime: Any, engine: Any) -> None:
        """See `read`. Raises ModelError or EngineError."""
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
        """None if TensorRT does not take the plan. The calling thread has chosen the GPU."""
        runtime = plan.flavour.trt.Runtime(plan.flavour.logger)
        engine = runtime.deserialize_cuda_engine(plan.serialized)
        return None if engine is None else cls(cuda, plan, runtime, engine)

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        return self._outputs

    @property
    def recordable(self) -> bool:
        """See DeviceNetwork. Outputs whose size only the pictures tell make TensorRT wait in the middle."""
        return not self._unknown

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[Shape, ...]:
        assert self._context is not None
        return self._context.run(n, source, self._outputs, targets, stream)

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> RecordedContext:
        context = self._new_context()

        def queue() -> None:
            context.run(n, source, self._outputs, targets, stream)

        try:
            # What TensorRT puts off to the first run of a shape is not to be recorded.
            queue()
            if not context.is_capturable(stream):
                raise EngineError(
                    'expected a run that can be captured, TensorRT for RTX says this one cannot'
                )
            return RecordedContext(CudaGraph.capture(self._cuda, stream, queue), context)
        except EngineError:
            # The context goes with this call, and what it queued may still run.
            self._cuda.synchronise_stream(stream)
            raise

    def close(self) -> None:
        """Give it back; nothing of it is running any more."""
        self._context = None
        self._engine = None
        self._runtime = None
        self._resources.close()

    def _new_context(self) -> TensorRtContext:
        return TensorRtContext(
            self._plan.flavour, self._engine, self._plan.image_input, self._scratch, self._scratch_bytes
        )

    def _output(self, context: TensorRtContext, name: str) -> DeviceOutput:
        """Its largest is that of the largest batch, which is set."""
        kind = self._engine.get_tensor_dtype(name).name
        if kind not in _DTYPES:
            raise ModelError(
                f'expected output {name!r} as one of {", ".join(_DTYPES)}, got {kind}; '
                f'export the network with float32 outputs'
            )
        dtype, shape = _DTYPES[kind], context.shape_of(name)
        if min(shape, default=0) >= 0:
            return DeviceOutput(name, dtype, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        context.learn_shape(name)
        self._unknown.append(name)
        most_bytes = context.most_bytes(name)
        if most_bytes < 0:
            raise refusal(
                self._plan.flavour,
                f'to know the largest output {name!r} may get',
                'export the network with outputs of fixed size',
            )
        return DeviceOutput(name, dtype, most_bytes)


@dataclass(frozen=True, slots=True)
class RecordedContext:
    """See Recording. Keeps what the graph runs in."""

    graph: CudaGraph
    context: TensorRtContext

    def launch(self, stream: int) -> None:
        self.graph.launch(stream)

    def close(self) -> None:
        self.graph.close()
