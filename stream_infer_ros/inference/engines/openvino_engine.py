"""OpenVINO: one request per image, many at a time."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.image_by_image import one_by_one
from stream_infer_ros.inference.engines.openvino_devices import device_of, precision_hint
from stream_infer_ros.inference.engines.runtime import (
    check_model_file,
    failed_run,
    import_runtime,
    last_line,
    not_loaded,
    unreadable_model,
)
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.loose_outputs import together
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo


class OpenVinoEngine:
    """Compiles the network for one image and runs the images of a batch as parallel requests.

    On a CPU this beats one batch (6 frames in 4.5 ms where a batch of 6 takes 14), and an image's result does
    not depend on its neighbours. Precision is the runtime's choice (bfloat16 where the CPU has AMX)
    unless `engine.precision` says fp32.
    """

    def __init__(self, spec: EngineSpec) -> None:
        """Raises EngineError if OpenVINO is not installed."""
        self._openvino = import_runtime('openvino')
        self._spec = spec
        self._io: EngineIo | None = None
        self._input: ImageInput | None = None
        self._compiled: Any = None
        self._requests: list[Any] = []

    @property
    def io(self) -> EngineIo:
        """See Engine."""
        if self._io is None:
            raise not_loaded()
        return self._io

    def load(self) -> None:
        """See Engine."""
        self.close()
        check_model_file(self._spec.model)
        core = self._openvino.Core()
        model = self._read(core)
        io = _describe(model)
        image_input = self._spec.image_input(io, any_tensors=True)
        try:
            model.reshape(
                {name: list(shape) for name, shape in image_input.shapes(image_input.fixed_batch or 1)}
            )
        except RuntimeError as error:
            raise unreadable_model(self._spec.model, error) from error
        self._compiled = self._compile(core, model)
        self._io, self._input = io, image_input

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine."""
        image_input = self._checked_input(batch, n)
        counts: list[int] = []
        read = []
        # Packed one by one, so that the first image runs while the next is packed.
        for packed, count in image_input.parts(batch[:n], most=1):
            read.append(self._start(len(counts), image_input, packed))
            counts.append(count)
        runs = [(self._outputs(index), count) for index, count in enumerate(counts)]
        whole = together(self.io, runs)
        # A request's outputs are its own memory, which its next run overwrites; of several runs, copies.
        return {name: np.array(array) for name, array in whole.items()} if len(runs) == 1 else whole

    def infer_each(
        self, batch: NDArray[np.uint8], filling: Iterable[int], within_s: float = math.inf
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """See ImageByImage. A network of a fixed batch waits until it is filled."""
        if self._input is not None and self._input.fixed_batch > 1:
            n = max(filling, default=0)
            yield from one_by_one(self.infer(batch, n), n) if n else ()
            return
        read: list[Any] = []
        try:
            for n in filling:
                image_input = self._checked_input(batch, n)
                packed = image_input.pack(batch[n - 1 : n])
                read.append(self._start(len(read), image_input, packed))
            for index in range(len(read)):
                whole = together(self.io, [(self._outputs(index), 1)])
                yield {name: np.array(array) for name, array in whole.items()}
        finally:
            # Who looks no further, or was told of a failure, leaves requests that read `batch` and `read`.
            for request in self._requests[: len(read)]:
                with contextlib.suppress(RuntimeError):
                    request.wait()

    def close(self) -> None:
        """See Engine."""
        self._requests = []
        self._compiled = None
        self._io = self._input = None

    def _checked_input(self, batch: NDArray[np.uint8], n: int) -> ImageInput:
        if self._compiled is None or self._input is None:
            raise not_loaded()
        self._input.check(batch, n)
        return self._input

    def _start(self, index: int, image_input: ImageInput, packed: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run `packed` on a request that is free by now.

        Returns the memory it reads, which must live until it has ended: the request does not keep it alive.
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
        """Views, once it has ended."""
        request = self._requests[index]
        try:
            request.wait()
        except RuntimeError as error:
            raise failed_run(error) from error
        return [request.get_output_tensor(place).data for place in range(len(self.io.outputs))]

    def _read(self, core: Any) -> Any:
        path = self._spec.model
        frontends = import_runtime('openvino.frontend')
        # The exceptions of its readers have no base class of their own, and any of them here means the file.
        try:
            if path.suffix.lower() != '.onnx':
                return core.read_model(path)
            # Left to find out the format itself, it has every reader try a broken file, and each of them
            # complains on the terminal.
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


def _describe(model: Any) -> EngineIo:
    # Where the ONNX front end keeps the file's metadata_props.
    place = ['framework']
    metadata = model.get_rt_info(place).value if model.has_rt_info(place) else {}
    return EngineIo(
        tuple(_tensor(port) for port in model.inputs),
        tuple(_tensor(port) for port in model.outputs),
        {key: str(value) for key, value in metadata.items()},
    )


def _tensor(port: Any) -> TensorInfo:
    dims = port.get_partial_shape()
    shape = () if dims.rank.is_dynamic else tuple(-1 if dim.is_dynamic else dim.get_length() for dim in dims)
    return TensorInfo(port.get_any_name(), port.get_element_type().to_dtype().name, shape)
