"""PyTorch: exported programs and TorchScript, on the CPU or a GPU."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ConfigError, EngineError
from stream_infer_ros.inference.engines.device import Cuda, CudaRuntime, DeviceRunner, choose_device
from stream_infer_ros.inference.engines.runtime import (
    check_model_file,
    failed_run,
    import_runtime,
    not_loaded,
)
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.torch.picture_model import RUN_ERRORS, PictureModel
from stream_infer_ros.inference.engines.torch.torch_cuda import TorchCuda
from stream_infer_ros.inference.engines.torch.torch_file import described, read_file
from stream_infer_ros.inference.engines.torch.torch_network import TorchNetwork
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput
from stream_infer_ros.inference.loose_outputs import together
from stream_infer_ros.inference.network_io import EngineIo


class TorchEngine:
    """Runs the batch in one call. On a GPU with the buffers, streams and graphs that TensorRT has, too.

    `engine.threads` sets torch's threads for the whole process. `engine.precision` fp16 and bf16 are
    autocast: matrices in that type, the rest in float32.
    """

    def __init__(self, spec: EngineSpec, cuda: Cuda | None = None) -> None:
        """`cuda` is for tests. Raises EngineError if torch is not installed."""
        self._torch: Any = import_runtime('torch')
        self._spec = spec
        self._cuda = cuda
        self._io: EngineIo | None = None
        self._input: ImageInput | None = None
        self._model: PictureModel | None = None
        self._most = 0
        self._runner: DeviceRunner | None = None

    @property
    def io(self) -> EngineIo:
        """See Engine."""
        if self._io is None:
            raise not_loaded()
        return self._io

    def load(self) -> None:
        """See Engine."""
        self.close()
        path = self._spec.model
        check_model_file(path)
        device = self._chosen_device()
        if self._spec.config.threads:
            self._torch.set_num_threads(self._spec.config.threads)
        file = read_file(path, self._torch, device)
        io = described(file, path)
        image_input = self._spec.image_input(io)
        model = PictureModel(file, image_input, self._torch, device, self._spec.config.precision)
        io = replace(io, outputs=model.outputs(file.description.outputs, path))
        # What the model is fed: it makes its input of pictures by itself.
        fed = replace(image_input, dtype='uint8', layout='nhwc', normalisation=AS_THEY_ARE)
        if device != 'cpu':
            most = min(self._spec.max_batch, file.most or self._spec.max_batch)
            self._runner = self._opened(device, model, fed, io, fed.fixed_batch or most)
        self._io, self._input, self._model, self._most = io, fed, model, file.most

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine."""
        if self._model is None or self._input is None:
            raise not_loaded()
        self._input.check(batch, n)
        if self._runner is not None:
            return together(self.io, self._runner.infer(batch[:n]))
        runs = []
        try:
            for pictures, count in self._input.parts(batch[:n], self._most):
                tensor = self._torch.from_numpy(pictures)
                runs.append(([_own(it, tensor) for it in self._model(tensor).values()], count))
        except RUN_ERRORS as error:
            raise failed_run(error) from error
        return together(self.io, runs)

    def close(self) -> None:
        """See Engine."""
        self._io = self._input = self._model = None
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _chosen_device(self) -> str:
        """As torch calls it. Raises ConfigError or EngineError if there is none of that name."""
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
        # The network was put on the device, and tried, on torch's own stream, for which ours do not wait.
        self._torch.cuda.synchronize(device)
        runner = DeviceRunner(self._cuda, index, network, fed, most, graphs=True)
        runner.open()
        return runner


def torch_gpus() -> int:
    """How many GPUs torch can use: none where it is built for CPUs. Raises EngineError if it is missing."""
    cuda: Any = import_runtime('torch').cuda
    return int(cuda.device_count()) if cuda.is_available() else 0


def _own(result: Any, given: Any) -> NDArray[Any]:
    """As an array that nobody else has: a network may hand its input through."""
    shares = result.untyped_storage().data_ptr() == given.untyped_storage().data_ptr()
    array: NDArray[Any] = (result.clone() if shares else result).numpy()
    return array
