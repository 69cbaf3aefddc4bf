"""The base class of decoders for networks with post-processing in the graph: boxes, scores and labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.unbatched_outputs import with_batch_dimension

# If no coordinate is larger than this, boxes are fractions of the input: no network finds boxes that lie
# within two pixels of the corner.
_LARGEST_FRACTION = 2.0


class PostprocessedDecoder(BoxDecoder):
    """A decoder whose family implements only `read`. The boxes have been suppressed in the graph.

    Attributes:
        labels_from_background: True if label 0 is the background, whether or not it has a class name.
    """

    suppresses = False
    labels_from_background: ClassVar[bool] = False

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._size = np.array([self.network_width, self.network_height] * 2, np.float32)
        self._first_label = _first_label(card) if self.labels_from_background else 0

    def expected_outputs(self) -> Sequence[TensorInfo]:
        return with_batch_dimension(self.io).outputs

    @abstractmethod
    def read(self, outputs: Outputs) -> Boxes:
        """Find boxes, scores and labels in the outputs of one image.

        Boxes are left, top, right, bottom from the corner of the image, in network pixels or as fractions of
        the network's input.
        """

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        xyxy, score, label = self.read(outputs)
        class_id = label.astype(np.float32) - self._first_label
        background = (class_id < 0) | (class_id == self.card.background)
        chosen = thresholds.passing(np.where(background, np.float32(0.0), score))
        xyxy = xyxy[chosen]
        if len(xyxy) and np.nanmax(np.abs(xyxy), initial=0.0) <= _LARGEST_FRACTION:
            xyxy = xyxy * self._size
        # Pixel centres are at halves in the network's boxes, and at whole numbers in ours.
        return Boxes(xyxy - np.float32(0.5), score[chosen], class_id[chosen])


# Names of the background. Lists of COCO's categories have no name for number 0.
_BACKGROUND = ('__background__', 'background', 'bg', 'n/a')


def _first_label(card: ModelCard) -> int:
    """Return the label of the first class that has a name: 0 if the background has one, else 1."""
    if card.background is not None:
        return 0
    return 0 if card.class_names and card.class_names[0].lower() in _BACKGROUND else 1
