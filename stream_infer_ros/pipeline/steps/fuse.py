"""The step that updates the map: views in; the map, its objects and the scans of cameras out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.config import Config
from stream_infer_ros.drop_causes import NotMappedCause
from stream_infer_ros.mapping import GridSnapshot, GroundObject, OccupancyMap, PolarScan, View
from stream_infer_ros.mapping.occupancy_map import RESTART_NS
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.health.view_watch import ViewWatch


class Fused(NamedTuple):
    """The outcome of fusing one set: the views that were used, scans, the map and its objects."""

    views: Sequence[View] = ()
    scans: Mapping[str, PolarScan] = MappingProxyType({})
    map: GridSnapshot | None = None
    objects: Sequence[GroundObject] = ()


class Fuser:
    """One map. A view whose geometry is useless for the map is left out, and counted for its camera."""

    def __init__(self, config: Config, watch: ViewWatch, statistics: Statistics) -> None:
        self._config = config
        self._map = OccupancyMap(config.map)
        self._newest_ns: dict[str, int] = {}
        self._reset_asked = False
        self._watch = watch
        self._statistics = statistics

    def reset(self) -> None:
        """Begin a new, empty map before anything else is fused or published. Callable from any thread."""
        self._reset_asked = True

    def __call__(
        self, views: Sequence[View], now_ns: int, cameras_with_scan: Set[str] = frozenset()
    ) -> Fused:
        """Update the map with the views of one set.

        If the stamps of most views went back, time has jumped, and a new map begins.
        """
        self._reset_if_asked()
        self._restart_if_time_jumped(views)
        usable = [view for view in views if self._is_usable(view)]
        self._map.update(usable, now_ns)
        scans = {view.camera: self._map.scan(view) for view in usable if view.camera in cameras_with_scan}
        found = {camera: scan for camera, scan in scans.items() if scan is not None}
        return Fused(usable, found, self._map.snapshot(now_ns), self._map.objects(now_ns))

    def aged(self, now_ns: int, map_from_base: RigidTransform | None) -> Fused:
        """Return the map at `now_ns`, around the newest pose of the base if that is known.

        Cells that no camera has seen for a while become unknown.
        """
        self._reset_if_asked()
        return Fused(map=self._map.snapshot(now_ns, map_from_base), objects=self._map.objects(now_ns))

    def _reset_if_asked(self) -> None:
        if self._reset_asked:
            self._reset_asked = False
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._map = OccupancyMap(self._config.map)
        self._newest_ns.clear()

    def _restart_if_time_jumped(self, views: Sequence[View]) -> None:
        """Begin a new map if a bag was looped or a simulation was reset: the robot is somewhere else now."""
        gone_back = [
            view.header_stamp_ns < self._newest_ns.get(view.camera, view.header_stamp_ns) - RESTART_NS
            for view in views
        ]
        if 2 * sum(gone_back) > len(views):
            self._begin_anew()
        self._newest_ns.update({view.camera: view.header_stamp_ns for view in views})

    def _is_usable(self, view: View) -> bool:
        usable = self._watch.usable(view)
        if not usable:
            self._statistics.not_mapped(NotMappedCause.NO_GROUND, view.camera)
        return usable
