"""NanoDet and PicoDet: a cell's distances to the four sides of its box, each as a distribution over steps.

Li et al., Generalized Focal Loss, arXiv:2006.04388: a distance is the mean of the softmax over 0..reg_max,
in strides. NanoDet(-Plus), github.com/RangiLyu/nanodet; Yu et al., PP-PicoDet, arXiv:2111.00902.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard, names_of_classes
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

STRIDES = (8, 16, 32, 64)
_OLD_STRIDES = (8, 16, 32)
_USUAL_STEPS = 8  # reg_max + 1 of all published models but some of NanoDet's first year, which have 11
_SIDES = 4


def is_nanodet(io: EngineIo) -> bool:
    """Whether there is one output with a row for each cell at strides 8 to 32 or 64, long enough."""
    if len(io.outputs) != 1 or len(io.outputs[0].shape) != 3:
        return False
    _, rows, fields = io.outputs[0].shape
    image_input = ImageInput.of(io)
    known = {len(_cells(image_input, strides, 0.0)) for strides in (STRIDES, _OLD_STRIDES)}
    return fields > _SIDES * _USUAL_STEPS and rows in known


def is_nanodet_plus(io: EngineIo) -> bool:
    """The same, by the four strides of NanoDet-Plus: with three, YOLOX looks alike."""
    return is_nanodet(io) and io.outputs[0].shape[1] == len(_cells(ImageInput.of(io), STRIDES, 0.0))


def nanodet_classes(io: EngineIo) -> int:
    """How many classes the rows tell of, with the usual number of steps."""
    return io.outputs[0].shape[2] - _SIDES * _USUAL_STEPS


def is_picodet(io: EngineIo) -> bool:
    """Whether there are scores and distances by stride, or scores and boxes of all cells together."""
    return _levels(io) is not None or _boxes_and_scores(io) is not None


class _DistributionDecoder(BoxDecoder):
    """Scores (A, C) and sides (A, 4 * steps) of the cells of some grids."""

    def __init__(
        self,
        config: ModelConfig,
        io: EngineIo,
        card: ModelCard,
        classes: int,
        cells: NDArray[np.float32],
    ) -> None:
        super().__init__(config, io, card, names_of_classes(card, config, classes))
        self._cells = cells

    def _decoded(
        self, thresholds: Thresholds, scores: NDArray[np.float32], sides: NDArray[np.float32]
    ) -> Boxes:
        class_id = scores.argmax(axis=1)
        score = scores[np.arange(len(scores)), class_id]
        chosen = thresholds.passing(score)
        distance = _mean_step(sides[chosen]) * self._cells[chosen, 2:]
        # Both measure from the image's corner, where pixel centres lie at halves.
        centre = self._cells[chosen, :2] - np.float32(0.5)
        xyxy = np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], axis=1)
        return Boxes(xyxy, score[chosen], class_id[chosen])


class NanoDetDecoder(_DistributionDecoder):
    """One output of rows: scores of the classes, then four distributions.

    NanoDet-Plus (strides up to 64) measures from a cell's corner, NanoDet from its centre.
    """

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if the class names do not fit the output."""
        (output,) = io.outputs
        image_input = ImageInput.of(io)
        cells = _cells(image_input, STRIDES, 0.0)
        if output.shape[1] != len(cells):
            cells = _cells(image_input, _OLD_STRIDES, 0.5)
        steps, rest = divmod(output.shape[2] - len(card.class_names), _SIDES)
        # The names tell how many of the fields are steps; without them, the usual number.
        self._classes = nanodet_classes(io)
        if card.class_names and rest == 0 and steps in (_USUAL_STEPS, 11):
            self._classes = len(card.class_names)
        self._output = output.name
        super().__init__(config, io, card, self._classes, cells)

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        rows = outputs[self._output]
        return self._decoded(thresholds, rows[:, : self._classes], rows[:, self._classes :])


class PicoDetDecoder(_DistributionDecoder):
    """Outputs by stride, the scores of all strides first; or boxes and scores of all cells, before NMS."""

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        self._levels = _levels(io)
        self._whole = _boxes_and_scores(io)
        cells = np.zeros((0, 3), np.float32)
        if self._levels is not None:
            classes = self._levels.scores[0].shape[2]
            cells = _cells(ImageInput.of(io), STRIDES[: len(self._levels.scores)], 0.5)
        elif self._whole is not None:
            classes = self._whole[1].shape[1]
        else:
            raise ModelError(f'expected outputs of a PicoDet, got {[str(tensor) for tensor in io.outputs]}')
        super().__init__(config, io, card, classes, cells)

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        if self._levels is not None:
            scores = np.concatenate([outputs[tensor.name] for tensor in self._levels.scores])
            return self._decoded(
                thresholds, scores, np.concatenate([outputs[it.name] for it in self._levels.sides])
            )
        assert self._whole is not None
        boxes, scores = (outputs[tensor.name] for tensor in self._whole)
        class_id = scores.argmax(axis=0)
        return Boxes(boxes - np.float32(0.5), scores[class_id, np.arange(len(class_id))], class_id)


class _Levels(NamedTuple):
    scores: tuple[TensorInfo, ...]
    sides: tuple[TensorInfo, ...]


def _levels(io: EngineIo) -> _Levels | None:
    """Outputs by stride, if that is what they are."""
    half = len(io.outputs) // 2
    if len(io.outputs) != 2 * half or half not in (3, 4) or any(len(it.shape) != 3 for it in io.outputs):
        return None
    found = _Levels(io.outputs[:half], io.outputs[half:])
    image_input = ImageInput.of(io)
    for stride, scores, sides in zip(STRIDES, found.scores, found.sides, strict=False):
        cells = len(_cells(image_input, (stride,), 0.0))
        if scores.shape[1] != cells or sides.shape[1] != cells or sides.shape[2] != _SIDES * _USUAL_STEPS:
            return None
    return found


def _boxes_and_scores(io: EngineIo) -> tuple[TensorInfo, TensorInfo] | None:
    """Boxes (batch, cells, 4) and scores (batch, classes, cells), if that is what the outputs are."""
    if len(io.outputs) != 2 or any(len(tensor.shape) != 3 for tensor in io.outputs):
        return None
    cells = len(_cells(ImageInput.of(io), STRIDES, 0.0))
    for boxes, scores in (io.outputs, io.outputs[::-1]):
        if boxes.shape[1:] == (cells, _SIDES) and scores.shape[2] == cells:
            return boxes, scores
    return None


def _mean_step(sides: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (N, 4 * steps) to distances (N, 4), in strides."""
    by_side = sides.reshape(len(sides), _SIDES, sides.shape[1] // _SIDES)
    odds = np.exp(by_side - by_side.max(axis=2, keepdims=True))
    steps = np.arange(by_side.shape[2], dtype=np.float32)
    mean: NDArray[np.float32] = (odds @ steps) / odds.sum(axis=2)
    return mean


def _cells(image_input: ImageInput, strides: tuple[int, ...], offset: float) -> NDArray[np.float32]:
    """(A, 3): the point u, v each cell measures from, and its stride, in the order of the network's rows.

    A grid covers the whole input, its last cells perhaps in part.
    """
    grids = []
    for stride in strides:
        rows, columns = -(-image_input.height // stride), -(-image_input.width // stride)
        v, u = (np.mgrid[:rows, :columns] + offset) * stride
        grids.append(np.stack([u.ravel(), v.ravel(), np.full(u.size, stride)], axis=1))
    cells: NDArray[np.float32] = np.concatenate(grids).astype(np.float32)
    return cells
