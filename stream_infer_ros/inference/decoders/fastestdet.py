"""FastestDet (github.com/dog-qiuqiu/FastestDet): objectness, box and classes of each cell at stride 16.

With the values o, r, p of a cell (column, row) of a grid of W x H cells (utils/tool.py, handle_preds),

    score  = o^0.6 * max(p)^0.4
    centre = (tanh(r0) + column) / W,  (tanh(r1) + row) / H
    size   = sigmoid(r2),  sigmoid(r3)

as fractions of the network's input. Objectness and classes are probabilities already
(module/custom_layers.py).
"""

from __future__ import annotations

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import corners
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo

STRIDE = 16
_BEFORE_CLASSES = 5  # objectness, then four values of the box


class FastestDetDecoder(BoxDecoder):
    """Decoder of the one map. Its shape can also be that of a segmentation network."""

    default_card = ModelCard('fastestdet', colour='bgr', normalisation=UNIT, fit='stretch')
    output_layout = 'one (batch, 5 + classes, height / 16, width / 16): objectness, box, classes'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._output = io.outputs[0].name

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        if len(io.outputs) != 1 or len(io.outputs[0].shape) != 4:
            return False
        _, channels, rows, columns = io.outputs[0].shape
        image_input = ImageInput.of(io)
        size = rows * STRIDE, columns * STRIDE
        return channels > _BEFORE_CLASSES and size == (image_input.height, image_input.width)

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        return io.outputs[0].shape[1] - _BEFORE_CLASSES

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        values = outputs[self._output]
        grid = values.shape[1:]
        values = values.reshape(len(values), -1)
        classes = values[_BEFORE_CLASSES:]
        # Values outside 0..1 are not probabilities. The power of a negative one is NaN, which is counted.
        score = values[0] ** np.float32(0.6) * classes.max(axis=0) ** np.float32(0.4)
        chosen = thresholds.passing(score)
        row, column = np.unravel_index(chosen, grid)
        centre = np.tanh(values[1:3, chosen]) + np.stack([column, row])
        size = np.float32(1.0) / (np.float32(1.0) + np.exp(-values[3:5, chosen]))
        size *= np.array([[self.network_width], [self.network_height]], np.float32)
        box = np.concatenate([centre * STRIDE, size]).T.astype(np.float32)
        return Boxes(corners(box), score[chosen], classes[:, chosen].argmax(axis=0))
