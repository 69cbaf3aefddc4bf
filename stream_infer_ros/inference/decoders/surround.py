"""The surround family: our own network, see `surround_contract`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.decoders.box_decoder import in_float32
from stream_infer_ros.inference.decoders.box_selection import Boxes, Selected, plausible, select
from stream_infer_ros.inference.decoders.decoder import Decoder, Outputs
from stream_infer_ros.inference.decoders.ground import without_padding
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.surround_contract import BOX_FIELDS, CLASS_NAMES


class SurroundDecoder(Decoder):
    """Decoder of boxes with ground contact, free space by column, and ground."""

    default_card = ModelCard('surround', CLASS_NAMES)
    output_layout = 'boxes (batch, N, 8), free_space (batch, columns, 2), ground (batch, h, w)'
    gives_free_space = True

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        boxes, free_space = io.output('boxes'), io.output('free_space')
        if boxes is None or free_space is None:
            return False
        return boxes.shape[2:] == (BOX_FIELDS,) and free_space.shape[2:] == (2,)

    def decode(
        self, outputs: Outputs, letterboxes: Sequence[Letterbox], thresholds: Thresholds
    ) -> list[Perception]:
        outputs = {name: in_float32(output) for name, output in outputs.items()}
        boxes, free_space = outputs['boxes'], outputs['free_space']
        ground = outputs.get('ground')
        perceptions = []
        for index, letterbox in enumerate(letterboxes):
            detections, found = self._detections(boxes[index], letterbox, thresholds)
            ground_of_image = None if ground is None else ground[index]
            # Computed when the map or the overlay first needs it.
            later = partial(self._free_space, free_space[index], ground_of_image, letterbox)
            perceptions.append(Perception(detections, later, found.invalid, found.outside))
        return perceptions

    def _detections(
        self, rows: NDArray[np.float32], letterbox: Letterbox, thresholds: Thresholds
    ) -> tuple[Detections, Selected]:
        """Convert rows (N, 8) of one image; also return which of them were selected."""
        boxes = Boxes(rows[:, :4], rows[:, 6], np.rint(rows[:, 7]))
        found = select(boxes, letterbox, thresholds, len(self.class_names))
        if not len(found.rows):
            return Detections.empty(self.class_names, contact=True), found
        rows = rows[found.rows]
        contact = letterbox.to_source(rows[:, 4:6])
        contact[~plausible(rows[:, 4:6])] = np.nan
        score, class_id = np.minimum(rows[:, 6], 1.0), np.rint(rows[:, 7]).astype(np.int32)
        return Detections(found.xyxy, score, class_id, self.class_names, contact), found

    def _free_space(
        self, columns: NDArray[np.float32], ground: NDArray[np.float32] | None, letterbox: Letterbox
    ) -> FreeSpace:
        """Convert columns (C, 2) and ground (h, w) of one image; columns in the padding are left out.

        A column with an invalid row or confidence gets confidence 0 and no free ground.
        """
        stride = self.network_width / len(columns)
        uv = np.empty((len(columns), 2), np.float32)
        uv[:, 0] = (np.arange(len(columns)) + 0.5) * stride - 0.5
        uv[:, 1] = columns[:, 0]
        source = letterbox.to_source(uv)
        confidence = np.minimum(np.maximum(columns[:, 1], 0.0), 1.0)
        valid = plausible(columns)
        if not valid.all():
            source[~valid, 1] = letterbox.source_height - 0.5
            confidence[~valid] = 0.0
        if letterbox.resized_width != self.network_width:
            left = letterbox.pad_u - 0.5
            inside = (uv[:, 0] > left) & (uv[:, 0] < left + letterbox.resized_width)
            source, confidence = source[inside], confidence[inside]
        if ground is not None:
            # fmax returns the other value for NaN.
            ground = np.minimum(np.fmax(ground, 0.0), 1.0)
            ground = without_padding(ground, letterbox, self.network_width, self.network_height)
        return FreeSpace(source[:, 0], source[:, 1], confidence, ground)
