"""The map that fuses the views of many cameras into one occupancy grid."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.mapping.camera_geometry import CameraGeometry
from stream_infer_ros.mapping.footprints import Sighting, sightings
from stream_infer_ros.mapping.grid_snapshot import FREE, OCCUPIED, UNKNOWN, GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.mapping.ground_view import GroundView
from stream_infer_ros.mapping.object_tracker import HOLD_NS, ObjectTracker, Track
from stream_infer_ros.mapping.rolling_grid import RollingGrid
from stream_infer_ros.mapping.scan import PolarScan, polar_scan
from stream_infer_ros.mapping.sensor_model import SensorModel, cell_evidence
from stream_infer_ros.mapping.view import View
from stream_infer_ros.mapping.visibility import CellMemory, SilentCameras

# Limits of the log-odds of a cell. A cell becomes free after a few views, and an obstacle disappears within a
# second after free ground is seen in its place. In the evaluation on simulated worlds (stream_infer
# eval-map), a decay of all cells instead of these limits reduced the F1 score of occupied cells by 0.14.
_LOWEST, _HIGHEST = np.float32(-1.2), np.float32(2.5)

# Upper limit for cells of mobile objects, just above the threshold for occupied. A few views of free ground
# then clear the trail of a moving object, which the object layer draws anyway. On six simulated worlds with
# true free space, this increased the F1 score by 0.005.
_PASSING_HIGHEST = np.float32(0.9)

_FREE_BELOW, _OCCUPIED_ABOVE = np.float32(-0.5), np.float32(0.7)

# Slower objects get no heading, because the contact points of a car scatter by half a metre.
_HEADING_M_S = 0.8

# If the clock or the stamps go back by more than this, a bag or a simulation was started again, and a new map
# begins. A smaller step, such as a correction of the clock by NTP, is no reason to lose the map.
RESTART_NS = 1_000_000_000


class OccupancyMap:
    """An occupancy map with a static layer and an object layer.

    The static layer accumulates the evidence of free-space boundaries in the log-odds of each cell. Detected
    objects are not added to it. They are tracked, and drawn into each snapshot while they are visible. A
    parked vehicle that is out of sight stays in the map until a camera sees free ground in its place. Cells
    that only silent cameras could see are unknown.

    The map must not be used by several threads at once. It has no clock: `now_ns` is in the clock of the
    stamps.

    Raises (update, scan):
        CalibrationError: a camera is not above the ground plane of the base frame.
    """

    def __init__(self, config: MapConfig) -> None:
        self._config = config
        self._sensor = SensorModel()
        self._cameras: dict[str, CameraGeometry] = {}
        self._clear()

    def _clear(self) -> None:
        config = self._config
        self._grid = RollingGrid(config.size_m, config.resolution_m)
        self._memory = CellMemory(config.memory_s, config.size_m, config.resolution_m)
        self._silent_cameras = SilentCameras(config.blind_after_s)
        self._tracker = ObjectTracker()
        self._pose: RigidTransform | None = None
        self._pose_ns = 0
        self._seen: dict[str, GroundView] = {}
        self._now_ns = 0

    def update(self, views: Sequence[View], now_ns: int) -> None:
        """Fuse the views of one set, and move the window to the newest pose of the base.

        Each view has the pose at its stamp. The order of the views does not matter.
        """
        self._tick(now_ns)
        seen = [self._ground_view(view) for view in views]
        self._seen = {ground_view.view.camera: ground_view for ground_view in seen}
        self._follow_base(views)
        changed = []
        for ground_view in sorted(seen, key=lambda g: g.view.stamp_ns):
            found = sightings(ground_view)
            changed.append(self._add_evidence(ground_view, found, now_ns))
            self._tracker.add(found)
        # Limit the cells after all views were added, so that the order of the views does not matter.
        for cells in changed:
            np.clip(cells, _LOWEST, _HIGHEST, out=cells)
        self._tracker.drop_lost(seen, now_ns)
        self._forget(now_ns)

    def snapshot(self, now_ns: int, map_from_base: RigidTransform | None = None) -> GridSnapshot:
        """Return the map at `now_ns`, which may be long after the last view.

        Args:
            now_ns: current time in nanoseconds.
            map_from_base: current pose of the base, if the caller knows a newer one than that of the views.
                It determines which ground the silent cameras would see.
        """
        self._tick(now_ns)
        self._forget(now_ns)
        cells = np.full(self._grid.values.shape, UNKNOWN, np.int8)
        cells[self._grid.values < _FREE_BELOW] = FREE
        cells[self._grid.values > _OCCUPIED_ABOVE] = OCCUPIED
        shapes = [track.shape(now_ns) for track in self._tracker.tracks if _is_drawn(track, now_ns)]
        if shapes:
            rows, columns = self._grid.cells_of(np.concatenate(shapes))
            cells[rows, columns] = OCCUPIED
        pose = map_from_base or self._pose
        blind = (
            self._silent_cameras.mask(self._cameras, self._grid, pose, now_ns) if pose is not None else None
        )
        if blind is not None:
            cells[blind] = UNKNOWN
        x_m, y_m = self._grid.origin_m
        return GridSnapshot(now_ns, x_m, y_m, self._grid.resolution_m, cells)

    def objects(self, now_ns: int) -> tuple[GroundObject, ...]:
        """Return the objects in sight at `now_ns` (seen within the last 0.4 s), in the map frame."""
        return tuple(
            _ground_object(track, now_ns)
            for track in self._tracker.tracks
            if track.confirmed and now_ns - track.seen_ns <= HOLD_NS
        )

    def scan(self, view: View) -> PolarScan | None:
        """Return the free-space boundary of a view as a scan, or None if the model gives no free space."""
        last = self._seen.get(view.camera)
        seen = last if last is not None and last.view is view else self._ground_view(view)
        return polar_scan(seen, self._config.base_frame)

    def _tick(self, now_ns: int) -> None:
        """Clear the map if the clock went back, and start the timeouts of cameras that are new."""
        if now_ns < self._now_ns - RESTART_NS:
            self._clear()
        self._now_ns = now_ns
        self._silent_cameras.silent(self._cameras, now_ns)

    def _geometry(self, view: View) -> CameraGeometry:
        known = self._cameras.get(view.camera)
        if known is None or not known.describes(view.model, view.base_from_camera, view.mask):
            config = self._config
            self._cameras[view.camera] = CameraGeometry(
                view.camera, view.model, view.base_from_camera, config.range_m, config.resolution_m, view.mask
            )
        return self._cameras[view.camera]

    def _ground_view(self, view: View) -> GroundView:
        return GroundView(view, self._geometry(view), self._sensor)

    def _follow_base(self, views: Sequence[View]) -> None:
        newest = max(views, key=lambda view: view.stamp_ns, default=None)
        if newest is None or (self._pose is not None and newest.stamp_ns < self._pose_ns):
            return
        self._pose, self._pose_ns = newest.map_from_base, newest.stamp_ns
        x_m, y_m = self._pose.translation[:2].tolist()
        self._grid.recentre(x_m, y_m)
        self._memory.recentre(x_m, y_m)

    def _add_evidence(self, seen: GroundView, found: Sequence[Sighting], now_ns: int) -> NDArray[np.float32]:
        """Add the evidence of a view to the static layer.

        Return the changed cells (h, w), a part of the grid.
        """
        self._silent_cameras.mark_heard(seen.view.camera, now_ns)
        window = seen.geometry.table.window(self._grid, seen.view.map_from_base)
        self._memory.mark_visible(window, now_ns)
        cells: NDArray[np.float32] = self._grid.values[window.rows, window.columns]
        if seen.columns is None or seen.boundary is None:
            return cells
        column = seen.columns.column_of_pixel.take(window.pixel)
        evidence = cell_evidence(window.square_m2, column, seen.boundary, self._sensor, self._config.range_m)
        mobile = [s.columns for s in found if s.size.mobile and s.columns is not None]
        if mobile:
            passing = np.zeros(len(seen.columns) + 1, np.bool_)
            passing[np.concatenate(mobile) + 1] = True
            most = np.maximum(_PASSING_HIGHEST - cells, 0.0)
            np.minimum(evidence, most, out=evidence, where=passing.take(column))
        cells += evidence
        return cells

    def _forget(self, now_ns: int) -> None:
        """Forget cells that were out of view for too long, and objects that are old or outside the window."""
        expired = self._memory.expired(now_ns)
        if expired is not None:
            self._grid.values[expired] = 0.0
        if self._pose is not None:
            memory_ns = round(self._config.memory_s * 1e9)
            oldest_ns = now_ns - memory_ns if memory_ns else 0
            x_m, y_m = self._pose.translation[:2].tolist()
            self._tracker.limit_to(oldest_ns, x_m, y_m, self._config.size_m / 2)


def _is_drawn(track: Track, now_ns: int) -> bool:
    in_sight = now_ns - track.seen_ns <= HOLD_NS
    return track.confirmed and (in_sight or track.remembered)


def _ground_object(track: Track, now_ns: int) -> GroundObject:
    x_m, y_m = track.at(now_ns)
    size = track.size
    yaw_rad = math.atan2(track.vy, track.vx) if track.speed_m_s > _HEADING_M_S else 0.0
    return GroundObject(
        class_name=track.class_name,
        score=track.score,
        x_m=x_m,
        y_m=y_m,
        yaw_rad=yaw_rad,
        length_m=size.length_m,
        width_m=size.width_m,
        height_m=size.height_m,
        sigma_m=track.sigma_m,
    )
