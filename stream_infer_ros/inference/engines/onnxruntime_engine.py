"""Inference with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.base_engine import BaseEngine, by_picture
from stream_infer_ros.inference.engines.engine import Outputs
from stream_infer_ros.inference.engines.onnxruntime_providers import (
    check_precision,
    check_used,
    choose_device,
    session_arguments,
)
from stream_infer_ros.inference.engines.runtime import (
    check_model_file,
    failed_run,
    import_runtime,
    unreadable_model,
)
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.unbatched_outputs import join_runs

# ONNX Runtime's names of types that differ from those of numpy.
_DTYPES = {'float': 'float32', 'double': 'float64', 'float16': 'float16'}
_ERRORS_ONLY = 3


class OnnxRuntimeEngine(BaseEngine):
    """Run the batch in one call, or in several if the batch size of the network is fixed."""

    def __init__(self, spec: EngineSpec) -> None:
        """Raises EngineError if ONNX Runtime is not installed."""
        super().__init__(spec)
        self._onnxruntime = import_runtime('onnxruntime')
        self._session: Any = None

    def _open(self) -> tuple[EngineIo, ImageInput]:
        check_model_file(self._spec.model, 'onnxruntime')
        options = self._onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = self._spec.config.threads
        # Idle threads must sleep, because the other stages need the cores.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        device, number = choose_device(self._spec.config, self._onnxruntime)
        precision = self._spec.config.precision
        arguments = session_arguments(self._onnxruntime, options, device, number, precision)
        # ONNX Runtime's exceptions have no common base class. Any of them here means a broken file.
        try:
            self._session = self._onnxruntime.InferenceSession(str(self._spec.model), options, **arguments)
        except Exception as error:
            raise unreadable_model(self._spec.model, error) from error
        check_used(self._session, device)
        io = _describe(self._session)
        check_precision(device, precision, {tensor.dtype for tensor in (*io.inputs, *io.outputs)})
        return io, self._spec.image_input(io, any_tensors=True)

    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        image_input = self._loaded_input()
        runs = []
        try:
            for packed, count in image_input.parts(batch):
                runs.append((self._session.run(None, image_input.feed(packed)), count))
        except Exception as error:
            raise failed_run(error) from error
        return by_picture(join_runs(self.io, runs), len(batch))

    def _free(self) -> None:
        self._session = None


def _describe(session: Any) -> EngineIo:
    return EngineIo(
        tuple(_tensor(node) for node in session.get_inputs()),
        tuple(_tensor(node) for node in session.get_outputs()),
        dict(session.get_modelmeta().custom_metadata_map),
    )


def _tensor(node: Any) -> TensorInfo:
    dtype = node.type.removeprefix('tensor(').removesuffix(')')
    shape = tuple(size if isinstance(size, int) else -1 for size in node.shape)
    return TensorInfo(node.name, _DTYPES.get(dtype, dtype), shape)
