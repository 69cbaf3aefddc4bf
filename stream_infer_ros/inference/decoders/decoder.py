"""The contract of a model family: how to recognise its networks, and how to decode their outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard, class_names_of
from stream_infer_ros.inference.network_io import EngineIo

# Raw outputs of a network by name.
Outputs = Mapping[str, NDArray[Any]]


class Decoder(ABC):
    """The decoder of one network: from raw outputs to perceptions in source-image pixels.

    A subclass describes one model family, or one of several output layouts of a family. The class methods
    recognise a network, an instance decodes its outputs. Subclasses for families that return only boxes
    derive from BoxDecoder. A package adds a family with the entry point group `stream_infer_ros.decoders`,
    see docs/how-to/add-a-model-family.md.

    Subclasses set the first four attributes on the class.

    Attributes:
        default_card: card of a network whose file and user say nothing else. Its `family` names the family.
        output_layout: description of the outputs, for messages and the documentation.
        gives_boxes: True if perceptions contain detections.
        gives_free_space: True if perceptions contain free space, for scans and the free cells of the map.
        strides: of the output grids, pixels, if all networks of this decoder have the same; else empty.
        io: inputs and outputs of the network.
        card: preprocessing that the network expects, and what else is known about it.
        class_names: in order of class_id.
        network_width: width of the network's input, pixels.
        network_height: height of the network's input, pixels.
    """

    default_card: ClassVar[ModelCard]
    output_layout: ClassVar[str]
    gives_boxes: ClassVar[bool] = True
    gives_free_space: ClassVar[bool] = False
    strides: ClassVar[tuple[int, ...]] = ()

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError, e.g. if the class names do not fit the outputs."""
        self.io = io
        self.card = card
        image_input = ImageInput.of(io)
        self.network_width, self.network_height = image_input.width, image_input.height
        self.class_names = self.find_class_names(config)
        if self.strides and card.strides not in ((), self.strides):
            raise ModelError(
                f'expected strides {list(self.strides)} in the model card, which the outputs of this '
                f'{card.family} network have, got {list(card.strides)}; set model.card to one for it'
            )

    @classmethod
    @abstractmethod
    def recognises(cls, io: EngineIo) -> bool:
        """Return True if the names and shapes of the outputs can be those of this family."""

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        """Return True if a network that is recognised cannot belong to another family.

        Metadata of an exporter, output names or sizes can be sufficient evidence.
        """
        return False

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        """Return the number of classes of a network that is recognised; None if its outputs leave it open."""
        return None

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        """Return the class names for this network's outputs. Raises ConfigError or ModelError."""
        return class_names_of(self.card, config, self.class_count(self.io))

    @abstractmethod
    def decode(
        self, outputs: Outputs, letterboxes: Sequence[Letterbox], thresholds: Thresholds
    ) -> list[Perception]:
        """Return one Perception per letterbox, in order. Several threads may call it at once.

        Args:
            outputs: raw outputs by name. Their first dimension counts the images.
            letterboxes: how each image was fitted into the network's input.
            thresholds: the live settings.

        Raises ModelError if the outputs do not have the shapes that the network announced.
        """
