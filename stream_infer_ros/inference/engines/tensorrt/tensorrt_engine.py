"""Inference with TensorRT on an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.availability import NvidiaGpu
from stream_infer_ros.inference.engines.base_engine import BaseEngine, by_picture
from stream_infer_ros.inference.engines.device import Cuda, CudaRuntime, DeviceRunner, choose_device
from stream_infer_ros.inference.engines.engine import Outputs
from stream_infer_ros.inference.engines.runtime import check_model_file
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.build import Plan, built_plan
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour, flavour_named
from stream_infer_ros.inference.engines.tensorrt.given_plan import given_network
from stream_infer_ros.inference.engines.tensorrt.tensorrt_context import refusal
from stream_infer_ros.inference.engines.tensorrt.tensorrt_network import TensorRtNetwork
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_file import ModelFormat
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.unbatched_outputs import join_runs


def flavour_of_spec(spec: EngineSpec) -> Flavour:
    """Load the TensorRT that the settings name."""
    return flavour_named(spec.config.tensorrt.flavour)


BuildPlan = Callable[[EngineSpec, NvidiaGpu | None, bool], Plan]


class TensorRtEngine(BaseEngine):
    """Run the batch with TensorRT 10, TensorRT 11 or TensorRT for RTX.

    A batch that is larger than the plan allows is run in parts. Pictures are uploaded as bytes, and the plan
    casts, transposes and normalises them. A plan that the user gives is run as it is (see `given_plan`).
    """

    def __init__(
        self,
        spec: EngineSpec,
        cuda: Cuda | None = None,
        build: BuildPlan = built_plan,
        flavour_of: Callable[[EngineSpec], Flavour] = flavour_of_spec,
    ) -> None:
        """Only `spec` is not for tests. Raises EngineError if the bindings to CUDA are not installed."""
        super().__init__(spec)
        self._cuda = cuda or CudaRuntime()
        self._build = build
        self._flavour_of = flavour_of
        self._runner: DeviceRunner | None = None

    def _open(self) -> tuple[EngineIo, ImageInput]:
        # Look for the GPU before anything of TensorRT is called, because TensorRT may crash without one.
        device = choose_device(self._cuda, self._spec.config.device)
        self._cuda.use(device.index)
        if check_model_file(self._spec.model, 'tensorrt') is ModelFormat.TENSORRT_PLAN:
            plan, network = given_network(self._spec, self._cuda, self._flavour_of(self._spec))
        else:
            gpu = NvidiaGpu(device.name, '{}.{}'.format(*device.compute_capability))
            plan, network = self._deserialized(gpu)
        graphs = self._spec.config.tensorrt.cuda_graphs
        runner = DeviceRunner(self._cuda, device.index, network, plan.image_input, plan.max_batch, graphs)
        runner.open()
        self._runner = runner
        return plan.io, plan.image_input

    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        assert self._runner is not None, 'a loaded engine has one'
        return by_picture(join_runs(self.io, self._runner.infer(batch)), len(batch))

    def _free(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _deserialized(self, gpu: NvidiaGpu) -> tuple[Plan, TensorRtNetwork]:
        """Return a plan and its network. A cached plan that TensorRT cannot read is built once more."""
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
