"""The map's step: views in, the map, its objects and each camera's scan out."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.errors import CalibrationError
from stream_infer_ros.mapping import GridSnapshot, GroundObject, OccupancyMap, PolarScan, View
from stream_infer_ros.mapping.scan import polar_scan
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.statistics import Statistics


class Fuser:
    """One map. A camera whose geometry cannot serve it is counted and named; the others go on."""

    def __init__(self, config: Config, cameras: Sequence[CameraState], statistics: Statistics) -> None:
        self._map = OccupancyMap(config.map)
        self._with_scans = config.publish.scan
        self._base_frame, self._range_m = config.map.base_frame, config.map.range_m
        self._cameras = {camera.name: camera for camera in cameras}
        self._statistics = statistics

    def fuse(self, views: Sequence[View], now_ns: int) -> tuple[list[View], dict[str, PolarScan]]:
        """Update the map; returns the views that went into it, and their scans by camera."""
        usable = [view for view in views if self._prepared(view)]
        self._map.update(usable, now_ns)
        scans = (
            {view.camera: polar_scan(view, self._base_frame, self._range_m) for view in usable}
            if self._with_scans
            else {}
        )
        return usable, {camera: scan for camera, scan in scans.items() if scan is not None}

    def snapshot(self, now_ns: int) -> tuple[GridSnapshot, tuple[GroundObject, ...]]:
        """The map at `now_ns`, whether or not anything came lately."""
        return self._map.snapshot(now_ns), self._map.objects(now_ns)

    def _prepared(self, view: View) -> bool:
        camera = self._cameras[view.camera]
        try:
            self._map.prepare(view)
        except CalibrationError as error:
            camera.problems['ground'] = str(error)
            self._statistics.lost('no_ground', camera.name)
            return False
        camera.problems.pop('ground', None)
        return True
