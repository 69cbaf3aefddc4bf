"""Semantic segmentation as a source of free space: the end of the ground in each column of the image.

The output is logits (batch, classes, h, w), as of Long et al., arXiv:1411.4038, or SegFormer,
arXiv:2105.15203; or their argmax, (batch, h, w) or (batch, 1, h, w); or one map of the drivable area.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import in_float32
from stream_infer_ros.inference.decoders.decoder import Decoder, Outputs
from stream_infer_ros.inference.decoders.ground import boundary_rows, without_padding
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import IMAGENET, ModelCard, class_names_of
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# Names that data sets use for drivable ground. Grass and earth are not among them; a card can add them.
USUAL_GROUND = frozenset(
    [
        *('road', 'street', 'lane', 'lane marking', 'crosswalk', 'sidewalk', 'pavement', 'path', 'parking'),
        *('floor', 'flooring', 'ground', 'drivable', 'drivable area', 'drivable_area', 'drivable-area'),
        *('free space', 'free_space', 'freespace'),
    ]
)

# Network pixels from column to column of the free space. The sensor model of the map uses no finer ones.
_COLUMN_STRIDE = 4

_Layout = Literal['nchw', 'nhwc', 'nhw']


class SegmentationDecoder(Decoder):
    """Decoder of free space; there are no boxes."""

    default_card = ModelCard('segmentation', normalisation=IMAGENET, fit='stretch')
    output_layout = (
        'one (batch, classes, h, w), or the class of each cell (batch, h, w), in the shape of the input'
    )
    gives_boxes = False
    gives_free_space = True

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._output = io.outputs[0]
        layout = _layout(io)
        assert layout is not None
        self._classes_last = layout == 'nhwc'
        self._channels = _channels(self._output, layout, card)
        # A single map of values that are not class numbers shows one class, which has to be the ground.
        self._is_probability = self._channels == 1 and len(self.class_names) < 2
        if self._is_probability and not self.class_names:
            raise ModelError(
                f'is the one map of this network, {self._output}, the probability of drivable ground? '
                f'If it is, set class_names [drivable area] in the model card, or in model.class_names_file'
            )
        self._ground = _ground_classes(self.class_names, card)
        self._ground_of_class = np.zeros(len(self.class_names) + 2, np.float32)
        self._ground_of_class[self._ground + 1] = 1.0

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return bool(io.outputs) and _layout(io) is not None

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        layout = _layout(self.io)
        assert layout is not None
        channels = _channels(self.io.outputs[0], layout, self.card)
        return class_names_of(self.card, config, channels) if channels > 1 else self.card.class_names

    def decode(
        self, outputs: Outputs, letterboxes: Sequence[Letterbox], thresholds: Thresholds
    ) -> list[Perception]:
        maps = outputs[self._output.name]
        if maps.ndim != len(self._output.shape) or (
            self._channels > 1 and maps.shape[-1 if self._classes_last else 1] != self._channels
        ):
            raise ModelError(
                f'expected output {self._output} of this segmentation network, got {maps.shape}; '
                f'export the network again'
            )
        with np.errstate(over='ignore', invalid='ignore'):
            return [self._perception(maps[index], letterbox) for index, letterbox in enumerate(letterboxes)]

    def _perception(self, output: NDArray[Any], letterbox: Letterbox) -> Perception:
        """Convert the output of one image, without batch dimension."""
        probability = self._ground_probability(in_float32(output))
        ground = without_padding(probability, letterbox, self.network_width, self.network_height)
        columns = max(1, round(letterbox.resized_width / max(_COLUMN_STRIDE, self._stride(probability))))
        by_column = _resized(ground, columns, len(ground))
        broken = ~np.isfinite(by_column).all(axis=0)
        row, confidence = boundary_rows(np.where(broken, np.float32(0.0), by_column))
        confidence[broken] = 0.0
        pitch_u = letterbox.source_width / columns
        pitch_v = letterbox.source_height / len(ground)
        rows = max(1, min(len(ground), letterbox.resized_height // _COLUMN_STRIDE))
        free_space = FreeSpace(
            ((np.arange(columns) + 0.5) * pitch_u - 0.5).astype(np.float32),
            ((row + 0.5) * pitch_v - 0.5).clip(-0.5, letterbox.source_height - 0.5).astype(np.float32),
            confidence,
            np.nan_to_num(_resized(by_column, columns, rows), nan=0.0).clip(0.0, 1.0),
        )
        return Perception(Detections.empty(self.class_names), free_space, int(np.count_nonzero(broken)))

    def _ground_probability(self, output: NDArray[Any]) -> NDArray[np.float32]:
        """Return (h, w) in 0..1 over the whole input, NaN where the network's values are NaN."""
        if self._classes_last:
            output = output.transpose(2, 0, 1)
        if self._channels > 1:
            return self._from_logits(output)
        flat = output.reshape(output.shape[-2:])
        if not self._is_probability:
            # Values outside the classes select the first or the last row, which are not ground.
            whole = flat.dtype.kind in 'iu'
            numbers = flat.astype(np.int64) if whole else np.nan_to_num(np.rint(flat), nan=-1.0)
            rows = np.clip(numbers, -1, len(self.class_names)).astype(np.intp) + 1
            is_ground: NDArray[np.float32] = self._ground_of_class[rows]
            return is_ground if whole else np.where(np.isfinite(flat), is_ground, np.float32(np.nan))
        flat = flat.astype(np.float32)
        if np.nanmin(flat, initial=0.0) < 0.0 or np.nanmax(flat, initial=1.0) > 1.0:
            flat = np.float32(1.0) / (np.float32(1.0) + np.exp(-flat))
        return flat

    def _from_logits(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert logits (C, h, w) to the share of the ground classes in the softmax.

        Outputs that are probabilities already are only summed.
        """
        height, width = logits.shape[1:]
        # Neighbours are averaged first, so that the softmax is computed for the columns only.
        reduction = max(1, int(_COLUMN_STRIDE / self._stride(logits[0])))
        if reduction > 1:
            size = (max(1, width // reduction), max(1, height // reduction))
            logits = np.stack([_resized(np.ascontiguousarray(plane), *size) for plane in logits])
        sample = logits[:, :: max(1, height // 16), :: max(1, width // 16)]
        if sample.min() >= 0.0 and np.allclose(sample.sum(axis=0), 1.0, atol=0.02):
            share: NDArray[np.float32] = logits[self._ground].sum(axis=0)
            return share
        odds = np.exp(logits - logits.max(axis=0))
        share = odds[self._ground].sum(axis=0) / odds.sum(axis=0)
        return share

    def _stride(self, over_input: NDArray[np.float32]) -> float:
        """Return the network pixels from column to column of a map (h, w) over the network's input."""
        return float(self.network_width / over_input.shape[1])


def _ground_classes(names: tuple[str, ...], card: ModelCard) -> NDArray[np.intp]:
    """Return the indices of the ground classes: those of the card, else those with usual names."""
    if unknown := [name for name in card.ground_classes if name not in names]:
        raise ModelError(
            f'expected ground_classes of the model card among {", ".join(names) or "no classes"}, got '
            f'{", ".join(unknown)}; correct the card, or set model.class_names_file'
        )
    wanted = [index for index, name in enumerate(names) if name in card.ground_classes]
    if not card.ground_classes:
        wanted = [index for index, name in enumerate(names) if not USUAL_GROUND.isdisjoint(_words(name))]
    if not wanted:
        raise ModelError(
            f'which classes of this segmentation network are ground to drive on? Its classes are '
            f'{", ".join(names[:20]) or "not named"}; list the ground_classes in the model card, and '
            f'the class names in model.class_names_file'
        )
    return np.array(wanted, np.intp)


def _words(name: str) -> list[str]:
    """Return the names of a class. Some data sets have several for one class, or a name and its category."""
    return [part.strip().lower() for part in name.replace(' - ', ',').split(',')]


def _channels(output: TensorInfo, layout: _Layout, card: ModelCard) -> int:
    """Return the number of maps; for a dynamic dimension, the number of class names."""
    channels = {'nchw': output.shape[1], 'nhwc': output.shape[-1], 'nhw': 1}[layout]
    if channels < 0 and not card.class_names:
        raise ModelError(
            f'how many classes has this segmentation network, and what are they called? Its output {output} '
            f'does not say; set model.class_names_file'
        )
    return channels if channels >= 0 else len(card.class_names)


def _resized(image: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Return a map (h, w) in another size: averaged to a smaller one, interpolated to a larger one."""
    if image.shape == (height, width):
        return image
    smaller = width <= image.shape[1] and height <= image.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.float32)


def _layout(io: EngineIo) -> _Layout | None:
    """Return the layout of the first output, or None if it is not a map in the shape of the input."""
    output = io.outputs[0]
    # The maps of auxiliary heads have the size of the first one; those of a detector's strides do not.
    if any(other.shape[2:] != output.shape[2:] for other in io.outputs):
        return None
    if len(output.shape) == 4:
        if output.shape[1] != 0 and _like_input(output.shape[2:], io):
            return 'nchw'
        return 'nhwc' if output.shape[3] > 0 and _like_input(output.shape[1:3], io) else None
    if len(output.shape) == 3 and _is_map(output, io):
        return 'nhw'
    return None


def _is_map(output: TensorInfo, io: EngineIo) -> bool:
    # Rows of boxes have three dimensions, too. A map has fixed ones in the shape of the input, or integers.
    return (min(output.shape[1:]) > 0 or 'int' in output.dtype) and _like_input(output.shape[1:], io)


def _like_input(shape: tuple[int, ...], io: EngineIo) -> bool:
    """Return True if (h, w) is the size of the input divided by one number, or dynamic."""
    height, width = shape
    if min(shape) < 0:
        return True
    if min(shape) < 2:
        return False
    image_input = ImageInput.of(io)
    stride = image_input.width / width
    return 0.5 <= stride <= 64 and abs(image_input.height / stride - height) < 1.0
