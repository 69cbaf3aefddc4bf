"""What decoders that give nothing but boxes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_selection import Boxes, select
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo


class BoxDecoder(ABC):
    """A Decoder of which a family writes only `boxes`: one image's outputs to Boxes.

    Args:
        config, card: as every decoder gets them.
        class_names: as many as the outputs have classes, see `names_of_classes`.
        suppress: whether the network leaves it to us to suppress boxes that overlap.

    Attributes:
        takes_half: whether `boxes` wants float16 outputs as they are, because it needs few of the numbers:
            the conversion of all costs more than the rest.
    """

    takes_half: ClassVar[bool] = False

    def __init__(
        self,
        config: ModelConfig,
        io: EngineIo,
        card: ModelCard,
        class_names: tuple[str, ...],
        *,
        suppress: bool = True,
    ) -> None:
        self._card = card
        self._class_names = class_names
        self._announced = {tensor.name: tensor for tensor in io.outputs}
        self._suppress = suppress

    gives_boxes = True
    gives_free_space = False

    @property
    def class_names(self) -> tuple[str, ...]:
        """See Decoder."""
        return self._class_names

    @property
    def card(self) -> ModelCard:
        """See Decoder."""
        return self._card

    def decode(
        self, outputs: dict[str, NDArray[Any]], letterboxes: Sequence[Letterbox], thresholds: Thresholds
    ) -> list[Perception]:
        """See Decoder. float16 outputs are worked on in float32.

        Raises ModelError if an output is not the shape the network announced.
        """
        self._check(outputs, len(letterboxes))
        perceptions = []
        # Numbers that are not finite are found afterwards.
        with np.errstate(over='ignore', invalid='ignore'):
            for index, letterbox in enumerate(letterboxes):
                image = {name: outputs[name][index] for name in self._announced}
                if not self.takes_half:
                    image = {name: in_float32(output) for name, output in image.items()}
                perceptions.append(self._perception(self.boxes(image, thresholds), letterbox, thresholds))
        return perceptions

    @abstractmethod
    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """Convert the outputs of one image, without batch dimension, to Boxes.

        Floats are float32. With `takes_half`, float16 outputs stay float16.
        """

    def _perception(self, boxes: Boxes, letterbox: Letterbox, thresholds: Thresholds) -> Perception:
        found = select(boxes, letterbox, thresholds, len(self._class_names), suppress=self._suppress)
        score = boxes.score[found.rows].clip(None, 1.0)
        class_id = np.rint(boxes.class_id[found.rows]).astype(np.int32)
        detections = Detections(found.xyxy, score, class_id, self._class_names)
        return Perception(detections, invalid=found.invalid)

    def _check(self, outputs: dict[str, NDArray[Any]], images: int) -> None:
        for name, announced in self._announced.items():
            shape = outputs[name].shape
            expected = (images, *announced.shape[1:])
            if len(shape) != len(expected) or any(
                got != size for got, size in zip(shape, expected, strict=True) if size >= 0
            ):
                raise ModelError(
                    f'expected output {announced} of this {self._card.family} network for {images} images, '
                    f'got {shape}; export the network again, with a batch that is fixed or free throughout, '
                    f'or name its family in model.family'
                )


def in_float32(output: NDArray[Any]) -> NDArray[Any]:
    """float16 and float64 as float32, anything else as it is; no copy where none is needed."""
    return output.astype(np.float32, copy=False) if output.dtype.kind == 'f' else output
