"""Inference with PyTorch: exported programs and TorchScript, on the CPU or a GPU."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ConfigError, EngineError
from stream_infer_ros.inference.engines.base_engine import BaseEngine, by_picture
from stream_infer_ros.inference.engines.device import Cuda, CudaRuntime, DeviceRunner, choose_device
from stream_infer_ros.inference.engines.engine import Outputs
from stream_infer_ros.inference.engines.runtime import check_model_file, failed_run, import_runtime
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.torch.picture_model import RUN_ERRORS, PictureModel
from stream_infer_ros.inference.engines.torch.torch_cuda import TorchCuda
from stream_infer_ros.inference.engines.torch.torch_file import described, read_file
from stream_infer_ros.inference.engines.torch.torch_network import TorchNetwork
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.unbatched_outputs import join_runs


class TorchEngine(BaseEngine):
    """Run the batch in one call. On a GPU it uses the same buffers, streams and graphs as TensorRT.

    `engine.threads` sets the number of torch's threads for the whole process. With `engine.precision` fp16 or
    bf16, autocast computes matrix products in that type and the rest in float32.
    """

    def __init__(self, spec: EngineSpec, cuda: Cuda | None = None) -> None:
        """`cuda` is for tests. Raises EngineError if torch is not installed."""
        super().__init__(spec)
        self._torch: Any = import_runtime('torch')
        self._cuda = cuda
        self._model: PictureModel | None = None
        self._most = 0
        self._runner: DeviceRunner | None = None

    def _open(self) -> tuple[EngineIo, ImageInput]:
        path = self._spec.model
        check_model_file(path, 'torch')
        device = self._chosen_device()
        if self._spec.config.threads:
            self._torch.set_num_threads(self._spec.config.threads)
        file = read_file(path, self._torch, device)
        io = described(file, path)
        image_input = self._spec.image_input(io)
        model = PictureModel(file, image_input, self._torch, device, self._spec.config.precision)
        io = replace(io, outputs=model.outputs(file.description.outputs, path))
        # PictureModel converts the pictures on the device, so it is fed with bytes.
        fed = replace(image_input, dtype='uint8', layout='nhwc', normalisation=AS_THEY_ARE)
        if device != 'cpu':
            most = min(self._spec.max_batch, file.most or self._spec.max_batch)
            self._runner = self._opened(device, model, fed, io, fed.fixed_batch or most)
        self._model, self._most = model, file.most
        return io, fed

    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        if self._runner is not None:
            return by_picture(join_runs(self.io, self._runner.infer(batch)), len(batch))
        assert self._model is not None, 'a loaded engine has one'
        runs = []
        try:
            for pictures, count in self._loaded_input().parts(batch, self._most):
                tensor = self._torch.from_numpy(pictures)
                runs.append(([_own(it, tensor) for it in self._model(tensor).values()], count))
        except RUN_ERRORS as error:
            raise failed_run(error) from error
        return by_picture(join_runs(self.io, runs), len(batch))

    def _free(self) -> None:
        self._model = None
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _chosen_device(self) -> str:
        """Return torch's name of the device. Raises ConfigError or EngineError if there is no such device."""
        wanted = self._spec.config.device.strip().lower()
        there = self._torch.cuda.is_available()
        if wanted == 'cpu' or (wanted == 'auto' and not there):
            return 'cpu'
        if not re.fullmatch(r'auto|cuda(:\d+)?', wanted):
            raise ConfigError(
                f'expected engine.device of auto, cpu, cuda or cuda:<number> for engine torch, got '
                f"'{self._spec.config.device}'; correct it"
            )
        if not there:
            raise EngineError(
                f"expected a GPU that torch {self._torch.__version__} can use for engine.device '{wanted}', "
                f'found none; check nvidia-smi, install torch for CUDA, or set engine.device to cpu'
            )
        self._cuda = self._cuda or CudaRuntime()
        return f'cuda:{choose_device(self._cuda, wanted).index}'

    def _opened(
        self, device: str, model: PictureModel, fed: ImageInput, io: EngineIo, most: int
    ) -> DeviceRunner:
        assert self._cuda is not None
        index = int(device.partition(':')[2])
        network = TorchNetwork(TorchCuda(self._torch, device), model, fed, io.outputs, most)
        # The network was uploaded and tried on torch's own stream, and our streams do not wait for that one.
        self._torch.cuda.synchronize(device)
        runner = DeviceRunner(self._cuda, index, network, fed, most, graphs=True)
        runner.open()
        return runner


def torch_gpus() -> int:
    """Return how many GPUs torch can use; 0 if it is built for CPUs. Raises EngineError if it is missing."""
    cuda: Any = import_runtime('torch').cuda
    return int(cuda.device_count()) if cuda.is_available() else 0


def _own(result: Any, given: Any) -> NDArray[Any]:
    """Return an array that does not share memory with the input, which some networks return as an output."""
    shares = result.untyped_storage().data_ptr() == given.untyped_storage().data_ptr()
    array: NDArray[Any] = (result.clone() if shares else result).numpy()
    return array
