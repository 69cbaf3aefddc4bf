"""`model.py` of a Triton model with the python backend. `export-triton --backend python` copies this file.

It does not import this package. The Python of the server needs numpy and either onnxruntime or openvino. If
both are installed, STREAM_INFER_RUNTIME in the environment of the server selects one of them. The names of
inputs and outputs come from the configuration of the model.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from typing import Any

import triton_python_backend_utils as triton

Run = Callable[[str, Any], list[Any]]


class TritonPythonModel:
    """One instance of the model. Triton requires these names."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load `model.onnx` of this version."""
        config = json.loads(args['model_config'])
        self._input = config['input'][0]['name']
        self._outputs = [output['name'] for output in config['output']]
        # The server sets the number of threads (OMP_NUM_THREADS), or the runtime chooses it.
        path = os.path.join(args['model_repository'], args['model_version'], 'model.onnx')
        makers = {'onnxruntime': _onnxruntime, 'openvino': _openvino}
        wanted = os.environ.get('STREAM_INFER_RUNTIME', '')
        found = (make(path, self._outputs) for name, make in makers.items() if wanted in ('', name))
        run = next((run for run in found if run is not None), None)
        if run is None:
            raise triton.TritonModelException('expected onnxruntime or openvino in the Python of the server')
        self._run: Run = run

    def execute(self, requests: list[Any]) -> list[Any]:
        """Return one response for each request. A failure is reported only to the client of that request."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        images = triton.get_input_tensor_by_name(request, self._input).as_numpy()
        try:
            arrays = self._run(self._input, images)
        except Exception as error:  # every error of the runtime goes back to the client
            return triton.InferenceResponse(error=triton.TritonError(str(error)))
        return triton.InferenceResponse(
            [triton.Tensor(name, array) for name, array in zip(self._outputs, arrays)]  # noqa: B905
        )


def _onnxruntime(path: str, outputs: list[str]) -> Run | None:
    if importlib.util.find_spec('onnxruntime') is None:
        return None
    runtime = importlib.import_module('onnxruntime')
    options = runtime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get('OMP_NUM_THREADS', '0'))
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    session = runtime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return lambda name, images: list(session.run(outputs, {name: images}))


def _openvino(path: str, outputs: list[str]) -> Run | None:
    if importlib.util.find_spec('openvino') is None:
        return None
    compiled = importlib.import_module('openvino').Core().compile_model(path, 'CPU')

    def run(name: str, images: Any) -> list[Any]:
        results = compiled({name: images})
        return [results[output] for output in outputs]

    return run
