"""The names of the model families: the built-in ones, and those that installed packages add."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Literal

ENTRY_POINT_GROUP = 'stream_infer_ros.decoders'

BUILT_IN_FAMILIES = (
    'surround',
    'yolox',
    'yolov5',
    'yolov8',
    'yolo_end_to_end',
    'detr',
    'rtdetr',
    'rfdetr',
    'nanodet',
    'picodet',
    'boxes_by_cell',
    'fastestdet',
    'yolo_fastest_v2',
    'ultraface',
    'scrfd',
    'torchvision',
    'tensorflow',
    'efficient_nms',
    'nms_rows',
    'mmdeploy',
    'paddle_nms',
    'segmentation',
)


def decoder_entry_points() -> Sequence[EntryPoint]:
    """Return the decoders that installed packages offer; the name of each is that of its model family."""
    return tuple(entry_points(group=ENTRY_POINT_GROUP))


if TYPE_CHECKING:
    ModelFamily = str
else:
    # A Literal, so that YAML, ROS parameters and the command line reject unknown names.
    _names = ('auto', *BUILT_IN_FAMILIES, *(found.name for found in decoder_entry_points()))
    ModelFamily = Literal[_names]
