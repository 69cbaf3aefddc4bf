"""NanoDet and NanoDet-Plus (github.com/RangiLyu/nanodet): scores and distance distributions of each cell.

Both are trained on BGR pictures. What differs (config/legacy_v0.x_configs/nanodet-m.yml,
nanodet-plus-m_320.yml; get_single_level_center_point in gfl_head.py, get_single_level_center_priors in
nanodet_plus_head.py):

==============================  ============================  ==================
\\                              NanoDet (m, g, t, RepVGG)     NanoDet-Plus
==============================  ============================  ==================
strides                         8, 16, 32                     8, 16, 32, 64
distances are measured from     the centre of the cell        its upper left corner
a picture of another shape is   letterboxed, padded with 0    stretched
==============================  ============================  ==================

The variants with EfficientNet-Lite use another mean (127) and standard deviation (128), which no output
shows.
"""

from __future__ import annotations

import re
from typing import ClassVar

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.distance_distribution import (
    SIDES,
    STRIDES,
    USUAL_STEPS,
    count_points,
    distance_boxes,
    grid_points,
)
from stream_infer_ros.inference.decoders.stride_outputs import ByStrideDecoder, StrideOutputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput, Normalisation
from stream_infer_ros.inference.model_card import ModelCard, class_names_of
from stream_infer_ros.inference.model_metadata import class_names
from stream_infer_ros.inference.network_io import EngineIo

_OLD_STRIDES = STRIDES[:3]
# reg_max + 1 of NanoDet-g and of the variants with RepVGG.
_OLD_STEPS = 11
_COCO_CLASSES = 80
# ImageNet's mean and standard deviation for pixels 0..255, blue first.
_IMAGENET_BGR = Normalisation(1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))
_NANODET = ModelCard('nanodet', colour='bgr', normalisation=_IMAGENET_BGR, fit='letterbox', padding=0)
_NANODET_PLUS = ModelCard('nanodet', colour='bgr', normalisation=_IMAGENET_BGR, fit='stretch')
# Names of the outputs and of the input in tools/export_onnx.py.
_OUTPUT_NAME, _INPUT_NAME = re.compile(r'(cls|dis)_pred'), 'data'


class _Merged(BoxDecoder):
    """One output with a row for each cell: the scores of the classes, then four distributions."""

    strides: ClassVar[tuple[int, ...]]
    offset: ClassVar[float]

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._output = io.outputs[0].name
        self._points = grid_points(ImageInput.of(io), self.strides, self.offset)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        if len(io.outputs) != 1 or len(io.outputs[0].shape) != 3:
            return False
        _, rows, fields = io.outputs[0].shape
        return fields > SIDES * USUAL_STEPS and rows == count_points(ImageInput.of(io), cls.strides)

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        """Return the number of classes: that of the names, or COCO's, if the rest can be distributions."""
        fields = io.outputs[0].shape[2]
        possible = [fields - SIDES * steps for steps in (USUAL_STEPS, _OLD_STEPS)]
        names = len(class_names(io.metadata))
        return next((count for count in (names, _COCO_CLASSES) if count in possible), possible[0])

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        names = self.card.class_names
        if names and self.io.outputs[0].shape[2] - len(names) in (SIDES * USUAL_STEPS, SIDES * _OLD_STEPS):
            return names
        return class_names_of(self.card, config, self.class_count(self.io))

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows = outputs[self._output]
        classes = len(self.class_names)
        return distance_boxes(rows[:, :classes], rows[:, classes:], self._points, thresholds)


class NanoDetDecoder(_Merged):
    """NanoDet, exported by version 1.0 of the repository. The output can also be that of a YOLOX."""

    default_card = _NANODET
    output_layout = 'one (batch, cells, classes + 32 or 44), cells of the grids at strides 8, 16, 32'
    strides = _OLD_STRIDES
    offset = 0.5


class NanoDetPlusDecoder(_Merged):
    """NanoDet-Plus. No other family has one output with such rows for four strides."""

    default_card = _NANODET_PLUS
    output_layout = 'one (batch, cells, classes + 32), cells of the grids at strides 8, 16, 32, 64'
    strides = STRIDES
    offset = 0.0

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True


class NanoDetByStrideDecoder(ByStrideDecoder):
    """NanoDet, exported by version 0.x of the repository. All PicoDets have four strides."""

    default_card = _NANODET
    output_layout = (
        'a (batch, cells, classes) and a (batch, cells, 32 or 44) for each of the strides 8, 16, 32'
    )
    strides = _OLD_STRIDES
    offset = 0.5

    @classmethod
    def fits(cls, found: StrideOutputs) -> bool:
        return True

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True


class NanoDetPlusByStrideDecoder(ByStrideDecoder):
    """NanoDet-Plus with separate outputs, as in opencv_zoo. Names distinguish it from PicoDet."""

    default_card = _NANODET_PLUS
    output_layout = 'a (batch, cells, classes) and a (batch, cells, 32) for each of the strides 8, 16, 32, 64'
    strides = STRIDES
    offset = 0.0

    @classmethod
    def fits(cls, found: StrideOutputs) -> bool:
        return found.steps == USUAL_STEPS

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_named_as_nanodet(io)


def is_named_as_nanodet(io: EngineIo) -> bool:
    """Return True if inputs or outputs have the names that NanoDet's exporter gives them."""
    return any(_OUTPUT_NAME.search(tensor.name) for tensor in io.outputs) or any(
        tensor.name == _INPUT_NAME for tensor in io.inputs
    )
