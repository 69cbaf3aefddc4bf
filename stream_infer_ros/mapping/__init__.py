"""Fusion of the views of many cameras into one occupancy map."""

from stream_infer_ros.mapping.grid_snapshot import FREE, OCCUPIED, UNKNOWN, GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.mapping.occupancy_map import OccupancyMap
from stream_infer_ros.mapping.scan import PolarScan
from stream_infer_ros.mapping.view import View

__all__ = [
    'FREE',
    'OCCUPIED',
    'UNKNOWN',
    'GridSnapshot',
    'GroundObject',
    'OccupancyMap',
    'PolarScan',
    'View',
]
