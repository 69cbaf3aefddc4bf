"""Two outputs without suppression: a box and the scores of the classes for each cell.

YOLO-NAS (github.com/Deci-AI/super-gradients, pp_yolo_e/pp_yolo_head.py), YOLO-World and others of mmyolo
(github.com/AILab-CVC/YOLO-World, deploy/easydeploy), DAMO-YOLO and PP-YOLOE are exported in this way.
Either output may come first, and either may be transposed. Boxes are in network pixels, or fractions of
the input, and scores are probabilities.

All of these give the corners of a box. Networks that give centre and size are recognised by their values:
read as corners, most boxes in the lower right half of the picture would end before they begin.
`box_coding` in a card sets it instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.distance_distribution import count_points
from stream_infer_ros.inference.decoders.grid import USUAL_STRIDES, corners, strides_of
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_BOX_FIELDS = 4
_NAMES_OF_BOXES = re.compile(r'box|loc|coord', re.IGNORECASE)
_NAMES_OF_SCORES = re.compile(r'score|conf|cls|class|prob', re.IGNORECASE)
# Corners are never reversed. Of centres and sizes, about half would be.
_MOST_REVERSED = 0.05
# No network finds all boxes within two pixels of the corner.
_LARGEST_FRACTION = 2.0


class BoxesByCellDecoder(BoxDecoder):
    """Decoder of the two outputs."""

    default_card = ModelCard('boxes_by_cell', normalisation=UNIT)
    output_layout = (
        'boxes (batch, cells, 4) and scores (batch, cells, classes), in any order, either perhaps transposed'
    )

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._found = _chosen(io, card)
        self._size = np.array([self.network_width, self.network_height] * 2, np.float32)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return any(_interpretations(io))

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        counts = {each.classes for each in _interpretations(io)}
        return counts.pop() if len(counts) == 1 and -1 not in counts else None

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows, scores = outputs[self._found.boxes.name], outputs[self._found.scores.name]
        if self._found.boxes_transposed:
            rows = rows.T
        if not self._found.scores_transposed:
            scores = cv2.transpose(scores)  # three times as fast as reading a transposed numpy view
        best = scores.max(axis=0)
        chosen = thresholds.passing(best)
        if not len(chosen):
            return Boxes(np.empty((0, 4), np.float32), best[chosen], chosen)
        # All cells count here, so that the answer is the same for every picture.
        fractions = np.nanmax(np.abs(rows), initial=0.0) <= _LARGEST_FRACTION
        coding = self.card.box_coding or _coding(rows)
        found = rows[chosen] * self._size if fractions else rows[chosen]
        # Pixel centres are at halves in the network's boxes, and at whole numbers in ours.
        xyxy = found - np.float32(0.5) if coding == 'corners' else corners(found)
        return Boxes(xyxy, best[chosen], scores[:, chosen].argmax(axis=0))


class _Interpretation(NamedTuple):
    """Which output has the boxes, and which the scores.

    Attributes:
        boxes: (batch, cells, 4), or (batch, 4, cells) if `boxes_transposed`.
        scores: (batch, cells, classes), or (batch, classes, cells) if `scores_transposed`.
        classes: number of classes, -1 if dynamic.
    """

    boxes: TensorInfo
    boxes_transposed: bool
    scores: TensorInfo
    scores_transposed: bool
    classes: int


def _chosen(io: EngineIo, card: ModelCard) -> _Interpretation:
    """Return the one interpretation. Raises ModelError if there are two."""
    found = list(_interpretations(io))
    if card.boxes_output:
        found = [each for each in found if each.boxes.name == card.boxes_output]
    if len(found) == 1:
        return found[0]
    names = ' or '.join(tensor.name for tensor in io.outputs)
    raise ModelError(
        f'which output of this boxes_by_cell network has the boxes? Its outputs are {io.describe_outputs()}; '
        f'set boxes_output: {names} in a model card, and set model.card'
    )


def _interpretations(io: EngineIo) -> Iterator[_Interpretation]:
    """Yield the ways to read the two outputs that fit their shapes and do not contradict their names."""
    if len(io.outputs) != 2 or any(len(tensor.shape) != 3 for tensor in io.outputs):
        return
    image_input = ImageInput.of(io)
    for boxes, scores in (io.outputs, io.outputs[::-1]):
        if _is_named(scores, _NAMES_OF_BOXES) or _is_named(boxes, _NAMES_OF_SCORES):
            continue
        named = _is_named(boxes, _NAMES_OF_BOXES) and _is_named(scores, _NAMES_OF_SCORES)
        for boxes_transposed in (False, True):
            cells, fields = boxes.shape[:0:-1] if boxes_transposed else boxes.shape[1:]
            if fields != _BOX_FIELDS or not (_are_cells(image_input, cells) or (cells < 0 and named)):
                continue
            for scores_transposed in (False, True):
                rows, classes = scores.shape[:0:-1] if scores_transposed else scores.shape[1:]
                if rows == cells and classes != 0 and not (classes < 0 and cells < 0 and scores_transposed):
                    yield _Interpretation(boxes, boxes_transposed, scores, scores_transposed, classes)


def _is_named(tensor: TensorInfo, names: re.Pattern[str]) -> bool:
    """Return True if a name says that an output is of one kind, and not that it is of the other."""
    other = _NAMES_OF_SCORES if names is _NAMES_OF_BOXES else _NAMES_OF_BOXES
    return bool(names.search(tensor.name)) and not other.search(tensor.name)


def _are_cells(image_input: ImageInput, rows: int) -> bool:
    """Return True if the usual grids have so many cells, with or without the incomplete ones at the edges."""
    if strides_of(image_input.height, image_input.width, rows):
        return True
    return any(count_points(image_input, strides) == rows for strides in USUAL_STRIDES)


def _coding(rows: NDArray[np.float32]) -> Literal['corners', 'centre_size']:
    """Return how the boxes (cells, 4) of a picture are coded."""
    used = rows[rows.any(axis=1)]
    reversed_ = (used[:, 2] < used[:, 0]) | (used[:, 3] < used[:, 1])
    return 'centre_size' if len(used) and reversed_.mean() > _MOST_REVERSED else 'corners'
