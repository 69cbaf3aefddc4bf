"""The contract of a model family: raw outputs to what each image told."""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
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

    @property
    def dropped(self) -> int:
        """Boxes left out so far because their numbers were not finite, or none that a box can have."""
        ...

    def decode(self, outputs: dict[str, NDArray[Any]], letterboxes: Sequence[Letterbox]) -> list[Perception]:
        """One Perception per letterbox, in order; outputs have that many in their first dimension."""
        ...

    def retune(self, config: ModelConfig) -> None:
        """Take on the live settings (score_threshold, nms_iou) from the next `decode` on; from any thread."""
        ...
