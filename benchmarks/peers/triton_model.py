"""`model.py` of the peer's Triton model: a batch of requests as parallel requests of the runtime.

Faster on a CPU than one batch, and than one request after another: Triton shall be at its best.
"""

from __future__ import annotations

import json
import os
from typing import Any

import openvino
import triton_python_backend_utils as triton


class TritonPythonModel:
    """One instance; Triton calls it by these names."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args['model_config'])
        self._input = config['input'][0]['name']
        self._outputs = [output['name'] for output in config['output']]
        dims = [int(size) for size in config['input'][0]['dims']]
        path = os.path.join(args['model_repository'], args['model_version'], 'model.onnx')
        network = openvino.Core().read_model(path)
        network.reshape({self._input: [1, *dims]})
        self._compiled = openvino.Core().compile_model(network, 'CPU', {'PERFORMANCE_HINT': 'THROUGHPUT'})
        self._runs = [
            self._compiled.create_infer_request() for _ in range(int(config['max_batch_size']) or 1)
        ]

    def execute(self, requests: list[Any]) -> list[Any]:
        used = self._runs[: len(requests)]  # each client asks with one image
        images = [triton.get_input_tensor_by_name(one, self._input).as_numpy() for one in requests]
        for run, one in zip(used, images):  # noqa: B905 (Python 3.9 and older may serve)
            run.set_tensor(self._input, openvino.Tensor(one, shared_memory=True))
            run.start_async()
        answers = []
        for run in used:
            run.wait()
            arrays = [run.get_tensor(name).data for name in self._outputs]
            answers.append(
                triton.InferenceResponse(
                    [triton.Tensor(name, array) for name, array in zip(self._outputs, arrays)]  # noqa: B905
                )
            )
        return answers
