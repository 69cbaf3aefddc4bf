"""Inference with OpenVINO: one request per picture, several in parallel."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.base_engine import BaseEngine, by_picture
from stream_infer_ros.inference.engines.engine import Outputs, Picture
from stream_infer_ros.inference.engines.openvino_devices import device_of, precision_hint
from stream_infer_ros.inference.engines.runtime import (
    check_model_file,
    failed_run,
    import_runtime,
    last_line,
    unreadable_model,
)
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_file import ModelFormat
from stream_infer_ros.inference.model_metadata import metadata_beside
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.unbatched_outputs import join_runs


class OpenVinoEngine(BaseEngine):
    """Compile the network for one picture, and run the pictures as parallel requests.

    On a CPU this is faster than one batch (6 pictures take 4.5 ms, a batch of 6 takes 14 ms), and the result
    for a picture does not depend on the others. Unless `engine.precision` says fp32, the runtime chooses the
    precision: bfloat16 if the CPU has AMX.
    """

    def __init__(self, spec: EngineSpec) -> None:
        """Raises EngineError if OpenVINO is not installed."""
        super().__init__(spec)
        self._openvino = import_runtime('openvino')
        self._compiled: Any = None
        self._requests: list[Any] = []

    def run(self, pictures: Iterable[Picture], within_s: float = math.inf) -> Iterator[Outputs]:
        image_input = self._loaded_input()
        if image_input.fixed_batch > 1:
            yield from super().run(pictures, within_s)
            return
        started: list[Any] = []
        try:
            for picture in pictures:
                image_input.check(picture)
                started.append(self._start(len(started), image_input, image_input.pack(picture[None])))
            for index in range(len(started)):
                outputs = join_runs(self.io, [(self._outputs(index), 1)])
                # The arrays are memory of the request, which its next run overwrites.
                yield {name: np.array(array) for name, array in outputs.items()}
        finally:
            # The caller may stop early, or an exception may end the run. The requests still read the
            # pictures and `started` then.
            for request in self._requests[: len(started)]:
                with contextlib.suppress(RuntimeError):
                    request.wait()

    def _open(self) -> tuple[EngineIo, ImageInput]:
        found = check_model_file(self._spec.model, 'openvino')
        core = self._openvino.Core()
        model = self._read(core, found)
        io = _describe(model, self._spec.model)
        image_input = self._spec.image_input(io, any_tensors=True)
        try:
            model.reshape(
                {name: list(shape) for name, shape in image_input.shapes(image_input.fixed_batch or 1)}
            )
        except RuntimeError as error:
            raise unreadable_model(self._spec.model, error) from error
        self._compiled = self._compile(core, model)
        return io, image_input

    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        image_input = self._loaded_input()
        started: list[Any] = []
        counts: list[int] = []
        for packed, count in image_input.parts(batch):
            started.append(self._start(len(counts), image_input, packed))
            counts.append(count)
        outputs = join_runs(self.io, [(self._outputs(index), count) for index, count in enumerate(counts)])
        # The arrays of a single run are memory of the request, which its next run overwrites.
        if len(counts) == 1:
            outputs = {name: np.array(array) for name, array in outputs.items()}
        return by_picture(outputs, len(batch))

    def _free(self) -> None:
        self._requests = []
        self._compiled = None

    def _start(self, index: int, image_input: ImageInput, packed: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Start request number `index` on `packed`.

        Return the arrays that the request reads. They must live until it has ended, because the request
        does not keep them alive.
        """
        inputs = image_input.feed(packed)
        try:
            if index == len(self._requests):
                self._requests.append(self._compiled.create_infer_request())
            for name, array in inputs.items():
                self._requests[index].set_tensor(name, self._openvino.Tensor(array, shared_memory=True))
            self._requests[index].start_async()
        except RuntimeError as error:
            raise failed_run(error) from error
        return inputs

    def _outputs(self, index: int) -> list[NDArray[Any]]:
        """Wait for a request; return views of its outputs."""
        request = self._requests[index]
        try:
            request.wait()
        except RuntimeError as error:
            raise failed_run(error) from error
        return [request.get_output_tensor(place).data for place in range(len(self.io.outputs))]

    def _read(self, core: Any, found: ModelFormat) -> Any:
        path = self._spec.model
        if found is ModelFormat.OPENVINO_IR:
            return _read_ir(core, path)
        frontends = import_runtime('openvino.frontend')
        # The exceptions of the readers have no common base class. Any of them here means a broken file.
        try:
            # Without this, OpenVINO tries a broken file with every reader, and each prints an error.
            reader = frontends.FrontEndManager().load_by_framework('onnx')
            return reader.convert(reader.load(str(path)))
        except Exception as error:
            raise unreadable_model(path, error) from error

    def _compile(self, core: Any, model: Any) -> Any:
        config = self._spec.config
        device = device_of(config, core)
        properties: dict[str, Any] = {'PERFORMANCE_HINT': 'THROUGHPUT'}
        if config.threads and device == 'CPU':
            properties['INFERENCE_NUM_THREADS'] = config.threads
        properties |= precision_hint(config, core, device, model)
        try:
            return core.compile_model(model, device, properties)
        except RuntimeError as error:
            if device == 'CPU':
                raise unreadable_model(self._spec.model, error) from error
            raise EngineError(
                f'expected OpenVINO to compile {self._spec.model.name} for {device}, it says: '
                f'{last_line(error)}; check the driver, or set engine.device to CPU'
            ) from error


def _read_ir(core: Any, path: Path) -> Any:
    weights = path.with_suffix('.bin')
    if not weights.is_file():
        raise ModelError(
            f'expected the weights of {path} in {weights.name} beside it, found none; copy both files of the '
            f'OpenVINO network'
        )
    try:
        return core.read_model(path, weights)
    except RuntimeError as error:
        raise ModelError(
            f'expected a network in the format of OpenVINO in {path}, the runtime says: {last_line(error)}; '
            f'convert the network again with this version of OpenVINO, or give the ONNX file'
        ) from error


def _describe(model: Any, path: Path) -> EngineIo:
    # The ONNX front end keeps the metadata_props of the file here, also when the network is saved.
    place = ['framework']
    metadata = model.get_rt_info(place).value if model.has_rt_info(place) else {}
    return EngineIo(
        tuple(_tensor(port) for port in model.inputs),
        tuple(_tensor(port) for port in model.outputs),
        {**metadata_beside(path), **{key: str(value) for key, value in metadata.items()}},
    )


def _tensor(port: Any) -> TensorInfo:
    dims = port.get_partial_shape()
    shape = () if dims.rank.is_dynamic else tuple(-1 if dim.is_dynamic else dim.get_length() for dim in dims)
    return TensorInfo(port.get_any_name(), port.get_element_type().to_dtype().name, shape)
