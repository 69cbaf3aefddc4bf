"""NanoDet and NanoDet-Plus (github.com/RangiLyu/nanodet): one output of scores and distance distributions."""

from __future__ import annotations

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
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput, Normalisation
from stream_infer_ros.inference.model_card import ModelCard, class_names_of
from stream_infer_ros.inference.network_io import EngineIo

_OLD_STRIDES = (8, 16, 32)
_OLD_STEPS = 11
# ImageNet's mean and standard deviation for pixels 0..255, blue first.
_IMAGENET_BGR = Normalisation(1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))


class NanoDetDecoder(BoxDecoder):
    """Rows of the scores of the classes, then four distributions.

    NanoDet-Plus (strides up to 64) measures from the corner of a cell, NanoDet from its centre.
    """

    default_card = ModelCard('nanodet', colour='bgr', normalisation=_IMAGENET_BGR, fit='stretch')
    output_layout = 'one (batch, cells, classes + 32), cells of the grids at strides 8, 16, 32 and perhaps 64'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        image_input = ImageInput.of(io)
        self._output = io.outputs[0].name
        if _is_plus(io):
            self._points = grid_points(image_input, STRIDES, 0.0)
        else:
            self._points = grid_points(image_input, _OLD_STRIDES, 0.5)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        if len(io.outputs) != 1 or len(io.outputs[0].shape) != 3:
            return False
        _, rows, fields = io.outputs[0].shape
        image_input = ImageInput.of(io)
        known = {count_points(image_input, strides) for strides in (STRIDES, _OLD_STRIDES)}
        return fields > SIDES * USUAL_STEPS and rows in known

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        """Return True for the four strides of NanoDet-Plus. With three, the output can be that of a YOLOX."""
        return _is_plus(io)

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        """Return the number of classes for the usual number of steps."""
        return io.outputs[0].shape[2] - SIDES * USUAL_STEPS

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        # The number of names shows how many of the values are steps.
        names = self.card.class_names
        if names and self.io.outputs[0].shape[2] - len(names) in (SIDES * USUAL_STEPS, SIDES * _OLD_STEPS):
            return names
        return class_names_of(self.card, config, self.class_count(self.io))

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows = outputs[self._output]
        classes = len(self.class_names)
        return distance_boxes(rows[:, :classes], rows[:, classes:], self._points, thresholds)


def _is_plus(io: EngineIo) -> bool:
    return io.outputs[0].shape[1] == count_points(ImageInput.of(io), STRIDES)
