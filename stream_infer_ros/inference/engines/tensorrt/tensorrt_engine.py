"""TensorRT on a GPU: runs the plan that was built for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.device import Cuda, CudaRuntime, DeviceRunner, choose_device
from stream_infer_ros.inference.engines.nvidia_gpus import NvidiaGpu
from stream_infer_ros.inference.engines.runtime import not_loaded
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.build import built_plan
from stream_infer_ros.inference.engines.tensorrt.plan import Plan
from stream_infer_ros.inference.engines.tensorrt.tensorrt_context import refusal
from stream_infer_ros.inference.engines.tensorrt.tensorrt_network import TensorRtNetwork
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.loose_outputs import together
from stream_infer_ros.inference.network_io import EngineIo

BuildPlan = Callable[[EngineSpec, NvidiaGpu | None, bool], Plan]


class TensorRtEngine:
    """TensorRT 10, 11 and TensorRT for RTX; the whole batch in one run, as far as the plan goes.

    Pictures are uploaded as they are, bytes; the plan casts, transposes and normalises them.
    """

    def __init__(self, spec: EngineSpec, cuda: Cuda | None = None, build: BuildPlan = built_plan) -> None:
        """`cuda` and `build` are for tests. Raises EngineError if the bindings to CUDA are not installed."""
        self._spec = spec
        self._cuda = cuda or CudaRuntime()
        self._build = build
        self._io: EngineIo | None = None
        self._input: ImageInput | None = None
        self._runner: DeviceRunner | None = None

    @property
    def io(self) -> EngineIo:
        """See Engine."""
        if self._io is None:
            raise not_loaded()
        return self._io

    def load(self) -> None:
        """See Engine. Looks for the GPU before it touches TensorRT, which may crash without one."""
        self.close()
        device = choose_device(self._cuda, self._spec.config.device)
        self._cuda.use(device.index)
        plan, network = self._deserialized(NvidiaGpu(device.name, '{}.{}'.format(*device.compute_capability)))
        graphs = self._spec.config.tensorrt.cuda_graphs
        runner = DeviceRunner(self._cuda, device.index, network, plan.image_input, plan.max_batch, graphs)
        runner.open()
        self._io, self._input, self._runner = plan.io, plan.image_input, runner

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine."""
        if self._runner is None or self._input is None:
            raise not_loaded()
        self._input.check(batch, n)
        return together(self.io, self._runner.infer(batch[:n]))

    def close(self) -> None:
        """See Engine."""
        self._io = self._input = None
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _deserialized(self, gpu: NvidiaGpu) -> tuple[Plan, TensorRtNetwork]:
        """A plan and its network. What TensorRT does not read, of a cache gone stale, is built once more."""
        for anew in (False, True):
            plan = self._build(self._spec, gpu, anew)
            network = TensorRtNetwork.read(self._cuda, plan)
            if network is not None:
                return plan, network
        raise refusal(
            plan.flavour,
            'to read a plan it has just built',
            'see nvidia-smi, update the NVIDIA driver, or choose another engine.kind',
        )
