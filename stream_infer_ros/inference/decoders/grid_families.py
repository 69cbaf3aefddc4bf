"""The families of boxes on a grid, and our own."""

from __future__ import annotations

from stream_infer_ros.inference.decoders.family import Family
from stream_infer_ros.inference.decoders.surround import SurroundDecoder, is_surround
from stream_infer_ros.inference.decoders.yolo_end_to_end import (
    YoloEndToEndDecoder,
    claims_yolo_end_to_end,
    is_yolo_end_to_end,
)
from stream_infer_ros.inference.decoders.yolov5 import Yolov5Decoder, claims_yolov5, is_yolov5, yolov5_classes
from stream_infer_ros.inference.decoders.yolov8 import Yolov8Decoder, claims_yolov8, is_yolov8, yolov8_classes
from stream_infer_ros.inference.decoders.yolox import YoloxDecoder, is_yolox, yolox_classes
from stream_infer_ros.inference.input_packing import Normalisation
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.surround_contract import METADATA

_UNIT = Normalisation(scale=1 / 255)

GRID_FAMILIES: dict[str, Family] = {
    'surround': Family(
        is_surround,
        'boxes (batch, N, 8), free_space (batch, columns, 2), ground (batch, h, w)',
        ModelCard('surround', tuple(METADATA['class_names'].split(','))),
        SurroundDecoder,
    ),
    'yolox': Family(
        is_yolox,
        'one (batch, cells, 5 + classes), cells of the grids at strides 8, 16, 32',
        ModelCard('yolox', colour='bgr', fit='corner'),
        YoloxDecoder,
        yolox_classes,
    ),
    'yolov5': Family(
        is_yolov5,
        'one (batch, 3 x cells, 5 + classes), or a raw head (batch, 3, rows, columns, 5 + classes) a stride',
        ModelCard('yolov5', normalisation=_UNIT),
        Yolov5Decoder,
        yolov5_classes,
        claims_yolov5,
    ),
    'yolov8': Family(
        is_yolov8,
        'one (batch, 4 + classes, cells), or the same as (batch, cells, 4 + classes)',
        ModelCard('yolov8', normalisation=_UNIT),
        Yolov8Decoder,
        yolov8_classes,
        claims_yolov8,
    ),
    'yolo_end_to_end': Family(
        is_yolo_end_to_end,
        'one (batch, boxes, 6): x0, y0, x1, y1, score, class',
        ModelCard('yolo_end_to_end', normalisation=_UNIT),
        YoloEndToEndDecoder,
        claims=claims_yolo_end_to_end,
    ),
}
