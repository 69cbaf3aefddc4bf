"""What our engines cost beyond the bare runtime: `python benchmarks/engines.py [MODEL.onnx]`."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
from interleaved import medians_ms, print_against_first

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference import Engine, ImageInput, make_engine
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.resources import default_model

IMAGES = 6


def main() -> None:
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else default_model()
    engines: dict[str, Engine] = {
        kind: make_engine(EngineSpec(EngineConfig(kind=kind), model)) for kind in ('openvino', 'onnxruntime')
    }
    for engine in engines.values():
        engine.load()
    image_input = ImageInput.of(engines['openvino'].io)
    shape = (IMAGES, image_input.height, image_input.width, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    packed = image_input.pack(images)
    bare = {
        'openvino': _bare_openvino_queue(model, image_input, packed),
        'onnxruntime': _bare_onnxruntime(model, image_input, packed),
    }
    print(f'{model.name}, {IMAGES} images {image_input.width}x{image_input.height} {image_input.dtype}')
    for kind, engine in engines.items():
        alternatives = {
            'bare runtime, input packed, outputs in place': bare[kind],
            'our engine': lambda e=engine: e.infer(images, IMAGES),
        }
        if kind == 'openvino':
            alternatives['bare runtime, one batch of all'] = _bare_openvino_batch(model, image_input, packed)
        print_against_first(kind, medians_ms(alternatives, 20))


def _bare_openvino_queue(model: Path, image_input: ImageInput, packed: np.ndarray) -> Callable[[], None]:
    network = openvino.Core().read_model(model)
    network.reshape({image_input.name: list(image_input.shape(1))})
    compiled = openvino.Core().compile_model(network, 'CPU', {'PERFORMANCE_HINT': 'THROUGHPUT'})
    queue = openvino.AsyncInferQueue(compiled)

    def run() -> None:
        for index in range(IMAGES):
            queue.start_async({0: packed[index : index + 1]}, share_inputs=True)
        queue.wait_all()

    return run


def _bare_openvino_batch(model: Path, image_input: ImageInput, packed: np.ndarray) -> Callable[[], object]:
    network = openvino.Core().read_model(model)
    network.reshape({image_input.name: list(image_input.shape(IMAGES))})
    compiled = openvino.Core().compile_model(network, 'CPU', {'PERFORMANCE_HINT': 'LATENCY'})
    request = compiled.create_infer_request()
    return lambda: request.infer({0: packed}, share_inputs=True, share_outputs=True)


def _bare_onnxruntime(model: Path, image_input: ImageInput, packed: np.ndarray) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    session = onnxruntime.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
    step = IMAGES if image_input.free_batch else 1
    return lambda: [
        session.run(None, {image_input.name: packed[first : first + step]})
        for first in range(0, IMAGES, step)
    ]


if __name__ == '__main__':
    main()
