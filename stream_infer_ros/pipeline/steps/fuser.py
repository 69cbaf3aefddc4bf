"""The map's step: views in, the map, its objects and each camera's scan out."""

from __future__ import annotations

from collections.abc import Sequence, Set

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.config import Config
from stream_infer_ros.errors import CalibrationError
from stream_infer_ros.mapping import GridSnapshot, GroundObject, OccupancyMap, PolarScan, View
from stream_infer_ros.pipeline.health.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics

JUMP_NS = 1_000_000_000  # stamps going back farther than any reordering


class Fuser:
    """One map. A camera whose geometry cannot serve it is counted and named; the others go on."""

    def __init__(self, config: Config, cameras: Sequence[CameraState], statistics: Statistics) -> None:
        self._config = config
        self._map = OccupancyMap(config.map)
        self._newest_ns: dict[str, int] = {}
        self._reset_asked = False
        self._cameras = {camera.name: camera for camera in cameras}
        self._statistics = statistics

    def reset(self) -> None:
        """Begin a new map, empty, before anything else is fused or shown; from any thread."""
        self._reset_asked = True

    def fuse(
        self, views: Sequence[View], now_ns: int, scanned: Set[str] = frozenset()
    ) -> tuple[list[View], dict[str, PolarScan]]:
        """Update the map; returns the views that went into it, and scans of the `scanned` cameras by name.

        When the stamps of most views went back, time has jumped and a new map begins.
        """
        self._reset_if_asked()
        self._restart_if_time_jumped(views)
        usable = [view for view in views if self._prepared(view)]
        self._map.update(usable, now_ns)
        scans = {view.camera: self._map.scan(view) for view in usable if view.camera in scanned}
        return usable, {camera: scan for camera, scan in scans.items() if scan is not None}

    def snapshot(
        self, now_ns: int, map_from_base: RigidTransform | None = None
    ) -> tuple[GridSnapshot, tuple[GroundObject, ...]]:
        """The map at `now_ns`, whether or not anything came lately; the base's newest pose if it is known."""
        self._reset_if_asked()
        return self._map.snapshot(now_ns, map_from_base), self._map.objects(now_ns)

    def _reset_if_asked(self) -> None:
        if self._reset_asked:
            self._reset_asked = False
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._map = OccupancyMap(self._config.map)
        self._newest_ns.clear()

    def _restart_if_time_jumped(self, views: Sequence[View]) -> None:
        """A bag looped, a simulation was reset: where the robot was then is not where it is now."""
        gone_back = [
            view.stamp_ns < self._newest_ns.get(view.camera, view.stamp_ns) - JUMP_NS for view in views
        ]
        if 2 * sum(gone_back) > len(views):
            self._begin_anew()
        self._newest_ns.update({view.camera: view.stamp_ns for view in views})

    def _prepared(self, view: View) -> bool:
        camera = self._cameras[view.camera]
        try:
            self._map.prepare(view)
        except CalibrationError as error:
            camera.note('ground', str(error))
            self._statistics.not_mapped('no_ground', camera.name)
            return False
        camera.note('ground', '')
        return True
