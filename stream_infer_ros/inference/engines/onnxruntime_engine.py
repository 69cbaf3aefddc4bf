"""ONNX Runtime: the batch as a whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    not_loaded,
    unreadable_model,
)
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.loose_outputs import together
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# ONNX Runtime's names where they differ from numpy's.
_DTYPES = {'float': 'float32', 'double': 'float64', 'float16': 'float16'}
_ERRORS_ONLY = 3


class OnnxRuntimeEngine:
    """Runs the batch in one call, or in as many as a network of a fixed batch needs."""

    def __init__(self, spec: EngineSpec) -> None:
        """Raises EngineError if ONNX Runtime is not installed."""
        self._onnxruntime = import_runtime('onnxruntime')
        self._spec = spec
        self._session: Any = None
        self._io: EngineIo | None = None
        self._input: ImageInput | None = None

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
        options = self._onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = self._spec.config.threads
        # Idle threads sleep: the cores are for the other stages.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        device, number = choose_device(self._spec.config, self._onnxruntime)
        precision = self._spec.config.precision
        arguments = session_arguments(self._onnxruntime, options, device, number, precision)
        # Its exceptions have no base class of their own, and any of them here means the file.
        try:
            session = self._onnxruntime.InferenceSession(str(self._spec.model), options, **arguments)
        except Exception as error:
            raise unreadable_model(self._spec.model, error) from error
        check_used(session, device)
        io = _describe(session)
        check_precision(device, precision, {tensor.dtype for tensor in (*io.inputs, *io.outputs)})
        self._input = self._spec.image_input(io, any_tensors=True)
        self._session, self._io = session, io

    def infer(self, batch: NDArray[np.uint8], n: int, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """See Engine."""
        if self._session is None or self._input is None:
            raise not_loaded()
        self._input.check(batch, n)
        runs = []
        try:
            for packed, count in self._input.parts(batch[:n]):
                runs.append((self._session.run(None, self._input.feed(packed)), count))
        except Exception as error:
            raise failed_run(error) from error
        return together(self.io, runs)

    def close(self) -> None:
        """See Engine."""
        self._session = None
        self._io = self._input = None


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
