"""Networks that choose their boxes themselves: boxes, scores and the numbers of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.loose_outputs import by_image
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo

# One image's outputs to boxes as the network gives them: left, top, right, bottom from the image's corner,
# in network pixels or in parts of its input.
Read = Callable[[Mapping[str, NDArray[Any]]], Boxes]

# Boxes that reach no farther than this from the corner are in parts of the input: nobody finds anything
# within two pixels.
_FARTHEST_PART = 2.0


class ReadyBoxesDecoder(BoxDecoder):
    """Boxes, scores and class numbers, suppressed already.

    Args:
        read: finds them in the outputs.
        first_label: number of the first class that has a name; lower ones mean background and are left out,
            as is the named class that the card calls background.
    """

    def __init__(
        self, config: ModelConfig, io: EngineIo, card: ModelCard, read: Read, first_label: int = 0
    ) -> None:
        """Raises ModelError if nobody names the classes."""
        super().__init__(config, by_image(io), card, _names(card), suppress=False)
        image_input = ImageInput.of(io)
        self._size = np.array([image_input.width, image_input.height] * 2, np.float32)
        self._read = read
        self._first_label = first_label

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        xyxy, score, label = self._read(outputs)
        class_id = label.astype(np.float32) - self._first_label
        nothing = (class_id < 0) | (class_id == self.card.background)
        chosen = thresholds.passing(np.where(nothing, np.float32(0.0), score))
        xyxy = xyxy[chosen]
        if len(xyxy) and np.nanmax(np.abs(xyxy), initial=0.0) <= _FARTHEST_PART:
            xyxy = xyxy * self._size
        # Pixel centres lie at whole numbers with us.
        return Boxes(xyxy - np.float32(0.5), score[chosen], class_id[chosen])


def _names(card: ModelCard) -> tuple[str, ...]:
    if not card.class_names:
        raise ModelError(
            'what are the classes of this network called? Its outputs hold nothing but their numbers; '
            'set model.class_names_file to a file of one name a line, or name them in the model card'
        )
    return card.class_names
