"""UltraFace (github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB): scores and boxes of all priors.

Scores are a softmax with the background as class 0. Boxes are left, top, right, bottom as fractions of
the input. The files `..._without_postprocessing` and `..._simplified` have the same names and shapes, but
their boxes are offsets l from the priors (vision/utils/box_utils.py, vision/ssd/config/fd_config.py):

    centre = 0.1 * l_uv * prior_size + prior_centre,    size = exp(0.2 * l_wh) * prior_size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput, Normalisation
from stream_infer_ros.inference.model_card import ModelCard, class_names_of
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# Sizes of the square priors in pixels, by stride.
_PRIORS = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}
_CENTRE_VARIANCE, _SIZE_VARIANCE = np.float32(0.1), np.float32(0.2)
# Left is right of right in 0 % of the decoded boxes, and in 82 % of the offsets for a photograph of a face.
_MOST_REVERSED = 0.05
_PIXELS = Normalisation(1.0, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


class UltraFaceDecoder(BoxDecoder):
    """Decoder of faces, for networks with decoded boxes or with offsets."""

    default_card = ModelCard('ultraface', ('face',), normalisation=_PIXELS, fit='stretch')
    output_layout = (
        'scores (batch, priors, 1 + classes), the first one background, and boxes (batch, priors, 4)'
    )

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        found = _outputs(io)
        assert found is not None
        self._scores, self._boxes = (tensor.name for tensor in found)
        self._priors = _priors(ImageInput.of(io))
        self._size = np.array([self.network_width, self.network_height] * 2, np.float32)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _outputs(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        found = _outputs(io)
        return None if found is None else found[0].shape[2] - 1

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        count, names = self.class_count(self.io), self.card.class_names
        if count is not None and len(names) == count + 1 and names[0].lower() == 'background':
            return names[1:]  # as in models/voc-model-labels.txt
        if names == self.default_card.class_names and count != len(names):
            return tuple(f'class{index}' for index in range(count or 0))
        return class_names_of(self.card, config, count)

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        scores, boxes = outputs[self._scores][:, 1:], outputs[self._boxes]
        class_id = scores.argmax(axis=1)
        score = scores[np.arange(len(scores)), class_id]
        chosen = thresholds.passing(score)
        if np.mean((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])) > _MOST_REVERSED:
            found = _decoded(boxes[chosen], self._priors[chosen])
        else:
            found = boxes[chosen]
        # Pixel centres are at halves in the network's boxes, and at whole numbers in ours.
        return Boxes(found * self._size - np.float32(0.5), score[chosen], class_id[chosen])


def _outputs(io: EngineIo) -> tuple[TensorInfo, TensorInfo] | None:
    """Return scores and boxes; None if the outputs are others."""
    if len(io.outputs) != 2 or any(len(tensor.shape) != 3 for tensor in io.outputs):
        return None
    priors = sum(
        -(-size.height // stride) * -(-size.width // stride) * len(sides)
        for size in (ImageInput.of(io),)
        for stride, sides in _PRIORS.items()
    )
    for scores, boxes in (io.outputs, io.outputs[::-1]):
        if boxes.shape[1:] == (priors, 4) and scores.shape[1] == priors and scores.shape[2] in (2, 3):
            return scores, boxes
    return None


def _priors(image_input: ImageInput) -> NDArray[np.float32]:
    """Return (P, 4) centre u, v, width, height as fractions of the input, clipped to 0..1 as in training."""
    found = []
    for stride, sides in _PRIORS.items():
        rows, columns = -(-image_input.height // stride), -(-image_input.width // stride)
        v, u, side = np.meshgrid(np.arange(rows), np.arange(columns), sides, indexing='ij')
        found.append(
            np.stack(
                [(u + 0.5) / columns, (v + 0.5) / rows, side / image_input.width, side / image_input.height],
                axis=-1,
            ).reshape(-1, 4)
        )
    priors: NDArray[np.float32] = np.concatenate(found).clip(0.0, 1.0).astype(np.float32)
    return priors


def _decoded(offsets: NDArray[np.float32], priors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert offsets (N, 4) to left, top, right, bottom as fractions of the input."""
    centre = _CENTRE_VARIANCE * offsets[:, :2] * priors[:, 2:] + priors[:, :2]
    half = np.exp(_SIZE_VARIANCE * offsets[:, 2:]) * priors[:, 2:] * np.float32(0.5)
    xyxy: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1)
    return xyxy
