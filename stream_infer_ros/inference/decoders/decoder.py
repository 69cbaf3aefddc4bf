"""The contract of a model family: raw outputs to what each image told."""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard


class Decoder(Protocol):
    """Turns one batch's raw outputs into perceptions in source-image pixels.

    Attributes:
        gives_boxes: True if perceptions contain detections.
        gives_free_space: True if perceptions contain free space, for scans and the free cells of the map.
    """

    gives_boxes: bool
    gives_free_space: bool

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def card(self) -> ModelCard:
        """How pictures are to go in."""
        ...

    def decode(
        self, outputs: dict[str, NDArray[Any]], letterboxes: Sequence[Letterbox], thresholds: Thresholds
    ) -> list[Perception]:
        """Return one Perception per letterbox, in order. Callable from several threads at once.

        Args:
            outputs: raw outputs by name; their first dimension counts the images.
            letterboxes: of each image.
            thresholds: the live settings.
        """
        ...
