"""What decoders that give nothing but boxes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_selection import BoxSelection
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo


class Boxes(NamedTuple):
    """Boxes of one image before anything is left out, in any order.

    Attributes:
        xyxy: (A, 4) float32, network pixels, centres at whole numbers.
        score: (A,) float32 in 0..1.
        class_id: (A,) whole numbers of any dtype.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[Any]


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
        self._selection = BoxSelection(config, class_names, suppress=suppress)

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

    @property
    def dropped(self) -> int:
        """See Decoder."""
        return self._selection.dropped

    def retune(self, config: ModelConfig) -> None:
        """See Decoder."""
        self._selection.retune(config)

    def decode(self, outputs: dict[str, NDArray[Any]], letterboxes: Sequence[Letterbox]) -> list[Perception]:
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
                perceptions.append(Perception(self._selection.detections(*self.boxes(image), letterbox)))
        return perceptions

    @abstractmethod
    def boxes(self, outputs: dict[str, NDArray[Any]]) -> Boxes:
        """Outputs of one image, without batch dimension and floats as float32, to Boxes.

        With `takes_half` float16 outputs come as they are.
        """

    def passing(self, score: NDArray[np.float32]) -> NDArray[np.intp]:
        """Indices of the scores that are worth working out a box for, see BoxSelection."""
        return self._selection.passing(score)

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
