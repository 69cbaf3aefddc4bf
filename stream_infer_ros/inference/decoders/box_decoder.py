"""The base class of decoders for families that return only boxes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_selection import Boxes, select
from stream_infer_ros.inference.decoders.decoder import Decoder, Outputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo


class BoxDecoder(Decoder):
    """A decoder whose family implements only `boxes`: the outputs of one image to Boxes.

    Attributes:
        suppresses: False if the network returns at most one box for each object.
        reads_float16: True if `boxes` accepts float16 outputs. This is faster where `boxes` reads only few of
            the values, because converting all of them to float32 takes longer than the rest.
    """

    suppresses: ClassVar[bool] = True
    reads_float16: ClassVar[bool] = False

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._expected = {tensor.name: tensor for tensor in self.expected_outputs()}

    def expected_outputs(self) -> Sequence[TensorInfo]:
        """Return the outputs that `decode` expects: those that the network announces."""
        return self.io.outputs

    def decode(
        self, outputs: Outputs, letterboxes: Sequence[Letterbox], thresholds: Thresholds
    ) -> list[Perception]:
        self._check(outputs, len(letterboxes))
        perceptions = []
        # Values that are not finite are left out by `select`.
        with np.errstate(over='ignore', invalid='ignore'):
            for index, letterbox in enumerate(letterboxes):
                image = {name: outputs[name][index] for name in self._expected}
                if not self.reads_float16:
                    image = {name: in_float32(output) for name, output in image.items()}
                perceptions.append(self._perception(self.boxes(image, thresholds), letterbox, thresholds))
        return perceptions

    @abstractmethod
    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        """Convert the outputs of one image, without batch dimension, to Boxes.

        Boxes below the thresholds may be left out, in order not to compute them; see `Thresholds.passing`.
        Floats are float32. With `reads_float16`, float16 outputs stay float16.
        """

    def _perception(self, boxes: Boxes, letterbox: Letterbox, thresholds: Thresholds) -> Perception:
        found = select(boxes, letterbox, thresholds, len(self.class_names), suppress=self.suppresses)
        score = boxes.score[found.rows].clip(None, 1.0)
        class_id = np.rint(boxes.class_id[found.rows]).astype(np.int32)
        detections = Detections(found.xyxy, score, class_id, self.class_names)
        return Perception(detections, invalid=found.invalid, outside=found.outside)

    def _check(self, outputs: Outputs, images: int) -> None:
        for name, announced in self._expected.items():
            shape = outputs[name].shape
            expected = (images, *announced.shape[1:])
            if len(shape) != len(expected) or any(
                got != size for got, size in zip(shape, expected, strict=True) if size >= 0
            ):
                raise ModelError(
                    f'expected output {announced} of this {self.card.family} network for {images} images, '
                    f'got {shape}; export the network again, with a batch size that is fixed or dynamic '
                    f'throughout, or set model.family'
                )


def in_float32(output: NDArray[Any]) -> NDArray[Any]:
    """Return float16 and float64 arrays as float32, and others unchanged. Copies only if needed."""
    return output.astype(np.float32, copy=False) if output.dtype.kind == 'f' else output
