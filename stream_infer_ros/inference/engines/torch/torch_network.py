"""A torch network for the device runner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device import DeviceOutput, Recording
from stream_infer_ros.inference.engines.runtime import failed_run
from stream_infer_ros.inference.engines.torch.picture_model import RUN_ERRORS, PictureModel
from stream_infer_ros.inference.engines.torch.torch_cuda import TorchOnStream
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import TensorInfo


class TorchNetwork:
    recordable = True

    def __init__(
        self,
        place: TorchOnStream,
        model: PictureModel,
        image_input: ImageInput,
        outputs: Sequence[TensorInfo],
        most: int,
    ) -> None:
        """`image_input` is the input of `model`: uint8 pictures. `most` is the largest number in one run."""
        self._place = place
        self._model = model
        self._input = image_input
        self._outputs = tuple(
            DeviceOutput(tensor.name, tensor.dtype, _bytes(tensor, most)) for tensor in outputs
        )

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        return self._outputs

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[tuple[int, ...], ...]:
        try:
            with self._place.on(stream):
                return self._queue(n, source, targets)
        except RUN_ERRORS as error:
            raise failed_run(error) from error

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> Recording:
        return self._place.record(stream, lambda: self._queue(n, source, targets))

    def close(self) -> None:
        """Do nothing: torch frees unused memory by itself."""

    def _queue(self, n: int, source: int, targets: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        results = self._model(self._place.tensor_at(source, self._input.dtype, self._input.shape(n)))
        return tuple(
            self._keep(result, target, output)
            for result, target, output in zip(results.values(), targets, self._outputs, strict=True)
        )

    def _keep(self, result: Any, target: int, output: DeviceOutput) -> tuple[int, ...]:
        shape = tuple(int(size) for size in result.shape)
        if int(np.prod(shape)) * np.dtype(output.dtype).itemsize > output.most_bytes:
            raise EngineError(
                f'expected output {output.name!r} of at most {output.most_bytes} bytes, got {shape}; '
                f'export the network with outputs of a size that depends on the batch only'
            )
        self._place.tensor_at(target, output.dtype, shape).copy_(result)
        return shape


def _bytes(tensor: TensorInfo, n: int) -> int:
    shape = [n if size < 0 else size for size in tensor.shape]
    return int(np.prod(shape)) * np.dtype(tensor.dtype).itemsize
