"""The network as everybody calls it: one image, one call, the runtime's own settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference import ImageInput, Thresholds, make_decoder
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.inference.engines import EngineSpec, make_engine

Outputs = dict[str, NDArray[np.generic]]
Call = Callable[[NDArray[np.generic]], Outputs]


class PlainDetector:
    """rgb (h, w, 3) uint8 to Detections, with our letterbox and decoder, so that the end is the same."""

    def __init__(self, model: Path, engine: str) -> None:
        asked = make_engine(EngineSpec(EngineConfig(kind=engine), model, 1))
        asked.load()
        self._input = ImageInput.of(asked.io)
        self._decoder = make_decoder(ModelConfig(), asked.io)
        self._batch = Batch.of(1, self._input, self._decoder.card)
        self._call = CALLS[engine](model, self._input, [tensor.name for tensor in asked.io.outputs])
        asked.close()

    def detect(self, rgb: NDArray[np.uint8]) -> Detections:
        return self.decode(self._call(self.pack(rgb)))

    def pack(self, rgb: NDArray[np.uint8]) -> NDArray[np.generic]:
        """The network's input of one image; memory that the next call uses again."""
        self._batch.clear()
        self._batch.write(Frame('', 0, 0, rgb, 'rgb8', ''))
        return self._input.pack(self._batch.images)

    def decode(self, outputs: Outputs) -> Detections:
        return self._decoder.decode(outputs, self._batch.letterboxes, Thresholds.of(ModelConfig()))[
            0
        ].detections


def rgb_of_file(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A compressed image as cv2 reads it, full size."""
    return cv2.cvtColor(cv2.imdecode(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _openvino(model: Path, image_input: ImageInput, outputs: list[str]) -> Call:
    import openvino  # noqa: PLC0415

    network = openvino.Core().read_model(model)
    network.reshape({image_input.name: list(image_input.shape(1))})
    compiled = openvino.Core().compile_model(network, 'CPU')

    def run(image: NDArray[np.generic]) -> Outputs:
        results = compiled(image)
        return {name: results[name] for name in outputs}

    return run


def _onnxruntime(model: Path, image_input: ImageInput, outputs: list[str]) -> Call:
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(str(model), providers=['CPUExecutionProvider'])

    def run(image: NDArray[np.generic]) -> Outputs:
        return dict(zip(outputs, session.run(outputs, {image_input.name: image}), strict=True))

    return run


CALLS: dict[str, Callable[[Path, ImageInput, list[str]], Call]] = {
    'openvino': _openvino,
    'onnxruntime': _onnxruntime,
}
