"""SCRFD (Guo et al., arXiv:2105.04714; github.com/deepinsight/insightface, detection/scrfd): faces.

For each stride there are a score and the distances to the four sides, in strides, for each anchor of each
cell (tools/scrfd.py). They are measured from the upper left corner of the cell. Networks with the strides
8, 16, 32 have two anchors in a cell, those with strides up to 128 one. Landmarks (10 values) are not
read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import count_cells, grid_cells
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput, Normalisation
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.unbatched_outputs import with_batch_dimension

# Strides and anchors in a cell.
_GRIDS = (((8, 16, 32), 2), ((8, 16, 32, 64, 128), 1))
# Number of values of a score, of a box, and of five landmarks.
_SCORE, _BOX, _LANDMARKS = 1, 4, 10
_NAMES = re.compile(r'(score|bbox|kps)_(\d+)')
_KINDS = {'score': _SCORE, 'bbox': _BOX, 'kps': _LANDMARKS}
_PIXELS = Normalisation(1.0, (127.5, 127.5, 127.5), (128.0, 128.0, 128.0))


class ScrfdDecoder(BoxDecoder):
    """Decoder of faces."""

    default_card = ModelCard('scrfd', ('face',), normalisation=_PIXELS, fit='corner', padding=0)
    output_layout = (
        'a (cells, 1), a (cells, 4) and perhaps a (cells, 10) for each stride, perhaps with a batch dimension'
    )

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        levels = _levels(io)
        assert levels is not None
        self._levels = levels
        cells = [
            grid_cells(self.network_height, self.network_width, (stride,)).repeat(levels.anchors, axis=0)
            for stride in levels.strides
        ]
        self._cells = np.concatenate(cells)

    def expected_outputs(self) -> tuple[TensorInfo, ...]:
        return with_batch_dimension(self.io).outputs

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _levels(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        return 1

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        score = np.concatenate([outputs[name].reshape(-1) for name in self._levels.scores])
        distances = np.concatenate([outputs[name].reshape(-1, _BOX) for name in self._levels.boxes])
        if not len(score) == len(distances) == len(self._cells):
            raise ModelError(
                f'expected {len(self._cells)} scores and boxes from this scrfd network for pictures of '
                f'{self.network_width}x{self.network_height}, got {len(score)} and {len(distances)}; set '
                f'input_size: [height, width] in a model card to the size it was exported for'
            )
        chosen = thresholds.passing(score)
        cells = self._cells[chosen]
        reach = distances[chosen] * cells[:, 2:]
        # Pixel centres are at halves in the network's boxes, and at whole numbers in ours.
        origin = cells[:, :2] * cells[:, 2:] - np.float32(0.5)
        xyxy = np.concatenate([origin - reach[:, :2], origin + reach[:, 2:]], axis=1)
        return Boxes(xyxy, score[chosen], np.zeros(len(chosen), np.intp))


class _Levels(NamedTuple):
    """The outputs by increasing stride, and the number of anchors in a cell."""

    scores: tuple[str, ...]
    boxes: tuple[str, ...]
    strides: tuple[int, ...]
    anchors: int


def _levels(io: EngineIo) -> _Levels | None:
    """Return the outputs of each stride; None if the outputs are others."""
    image_input = ImageInput.of(io)
    for strides, anchors in _GRIDS:
        if len(io.outputs) not in (2 * len(strides), 3 * len(strides)):
            continue
        found = {}
        for tensor in io.outputs:
            for stride in strides:
                rows = count_cells(image_input.height, image_input.width, (stride,)) * anchors
                if (kind := _kind(tensor, stride, rows)) is not None:
                    found[kind, stride] = tensor.name
        scores = tuple(found[_SCORE, stride] for stride in strides if (_SCORE, stride) in found)
        boxes = tuple(found[_BOX, stride] for stride in strides if (_BOX, stride) in found)
        if len(found) == len(io.outputs) and len(scores) == len(boxes) == len(strides):
            return _Levels(scores, boxes, strides, anchors)
    return None


def _kind(tensor: TensorInfo, stride: int, rows: int) -> int | None:
    """Return the number of values in a row of an output of this stride; None if it is another output."""
    fields = tensor.shape[-2:]
    if len(tensor.shape) not in (2, 3) or fields[0] not in (-1, rows):
        return None
    named = _NAMES.fullmatch(tensor.name)
    if -1 in fields:  # exported for any size of input: only the name says what it is
        return _KINDS[named[1]] if named and int(named[2]) == stride else None
    return fields[1] if fields[1] in _KINDS.values() else None
