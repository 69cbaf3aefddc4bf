"""Networks with two outputs for each stride: scores, and distance distributions."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.distance_distribution import (
    SIDES,
    STRIDES,
    count_points,
    distance_boxes,
    grid_points,
)
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# reg_max + 1 of the published networks of this kind.
_STEPS = (8, 11, 17)
_NAMES_OF_SCORES = re.compile(r'cls|class|score|conf|prob|sigmoid', re.IGNORECASE)
_NAMES_OF_SIDES = re.compile(r'dis_|dist|reg|box|side|loc', re.IGNORECASE)

_Pair = tuple[TensorInfo, TensorInfo]


class StrideOutputs(NamedTuple):
    """The outputs by increasing stride.

    Attributes:
        scores: each (batch, cells, classes).
        sides: each (batch, cells, 4 * steps).
        steps: number of steps of a distribution.
        interleaved: True if the outputs of a stride lie side by side, False if all scores come first.
    """

    scores: tuple[TensorInfo, ...]
    sides: tuple[TensorInfo, ...]
    steps: int
    interleaved: bool


def stride_outputs(io: EngineIo) -> StrideOutputs | None:
    """Return the outputs for the strides 8, 16, 32 and perhaps 64, in any order; None if there are others.

    The number of values for each cell distinguishes scores and sides, then the names, then the order.
    """
    strides = STRIDES[: len(io.outputs) // 2]
    if len(io.outputs) not in (6, 8) or any(len(tensor.shape) != 3 for tensor in io.outputs):
        return None
    pairs = []
    for stride in strides:
        cells = count_points(ImageInput.of(io), (stride,))
        pair = [tensor for tensor in io.outputs if tensor.shape[1] == cells]
        if len(pair) != 2:
            return None
        pairs.append((pair[0], pair[1]))
    for scores, sides in _roles(pairs):
        fields = {tensor.shape[2] for tensor in sides}
        if len({tensor.shape[2] for tensor in scores}) == 1 and fields <= {SIDES * it for it in _STEPS}:
            interleaved = abs(io.outputs.index(scores[0]) - io.outputs.index(sides[0])) == 1
            return (
                StrideOutputs(scores, sides, fields.pop() // SIDES, interleaved) if len(fields) == 1 else None
            )
    return None


class ByStrideDecoder(BoxDecoder):
    """The base class of decoders with two outputs for each stride.

    Attributes:
        strides: of the outputs, pixels.
        offset: the point of a cell that distances are measured from, see `grid_points`.
    """

    strides: ClassVar[tuple[int, ...]]
    offset: ClassVar[float]

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        found = stride_outputs(io)
        assert found is not None
        self._found = found
        self._points = grid_points(ImageInput.of(io), self.strides, self.offset)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        found = stride_outputs(io)
        return found is not None and len(found.scores) == len(cls.strides) and cls.fits(found)

    @classmethod
    @abstractmethod
    def fits(cls, found: StrideOutputs) -> bool:
        """Return True if outputs for these strides can be those of the network."""

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        found = stride_outputs(io)
        return None if found is None else found.scores[0].shape[2]

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        scores = np.concatenate([outputs[tensor.name] for tensor in self._found.scores])
        sides = np.concatenate([outputs[tensor.name] for tensor in self._found.sides])
        return distance_boxes(scores, sides, self._points, thresholds)


def _roles(pairs: Sequence[_Pair]) -> list[tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]]:
    """Return the possible (scores, sides) for the pairs of all strides, the more probable one first."""
    first, second = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    swapped = all(map(_is_named_sides, first)) and all(map(_is_named_scores, second))
    return [(second, first), (first, second)] if swapped else [(first, second), (second, first)]


def _is_named_sides(tensor: TensorInfo) -> bool:
    return bool(_NAMES_OF_SIDES.search(tensor.name)) and not _NAMES_OF_SCORES.search(tensor.name)


def _is_named_scores(tensor: TensorInfo) -> bool:
    return bool(_NAMES_OF_SCORES.search(tensor.name))
