"""The fused map: views of many cameras in, one occupancy grid out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.config.tree import MapConfig
from stream_infer_ros.mapping.blindness import Blindness
from stream_infer_ros.mapping.camera_geometry import CameraGeometry
from stream_infer_ros.mapping.cell_memory import CellMemory
from stream_infer_ros.mapping.footprints import Sighting, sightings
from stream_infer_ros.mapping.grid_snapshot import FREE, OCCUPIED, UNKNOWN, GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.mapping.ground_view import GroundView
from stream_infer_ros.mapping.object_track import HOLD_NS, Track
from stream_infer_ros.mapping.object_tracker import ObjectTracker
from stream_infer_ros.mapping.polar_scan import PolarScan
from stream_infer_ros.mapping.rolling_grid import RollingGrid
from stream_infer_ros.mapping.scan import polar_scan
from stream_infer_ros.mapping.sensor_model import SensorModel, cell_evidence
from stream_infer_ros.mapping.view import View

# Asymmetric on purpose: a cell takes a few views to be believed free and forgets an obstacle within a second
# of free ground seen there (measured, DESIGN.md section 6: a decay of all cells instead costs 0.14 of F1).
_LOWEST, _HIGHEST = np.float32(-1.2), np.float32(2.5)

# What can move by itself is believed no more than just occupied, so that a few free views clear its trail.
# The object layer draws it all the while (six worlds with true columns: 0.005 of F1 gained).
_PASSING_HIGHEST = np.float32(0.9)

_FREE_BELOW, _OCCUPIED_ABOVE = np.float32(-0.5), np.float32(0.7)

# Slower objects have no heading worth the name: contacts of a car scatter by half a metre.
_HEADING_M_S = 0.8

# A clock that goes back by more than this is another run of a bag or a simulation.
_CLOCK_JUMP_NS = 1_000_000_000


class OccupancyMap:
    """Static ground as log-odds, objects as a layer of their own, and what nobody can see as unknown.

    Two layers make one map. The static layer adds up what free-space boundaries say of each cell. Detected
    objects are not written into it: they are followed, and drawn into each snapshot while they are seen. A
    parked vehicle that went out of sight is drawn where it was until a camera looks through the place. Then
    the cells they covered are what the static layer says of them.

    Not for use by several threads at once. It has no clock: `now_ns` is that of the caller, the stamps'.

    Raises (watch, prepare, update, scan):
        CalibrationError: a camera does not look down on the ground plane of the base frame.
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
        self._blindness = Blindness(config.blind_after_s)
        self._tracker = ObjectTracker()
        self._pose: RigidTransform | None = None
        self._pose_ns = 0
        self._seen: dict[str, GroundView] = {}
        self._now_ns = 0

    def watch(self, camera: str, model: CameraModel, base_from_camera: RigidTransform) -> None:
        """A camera's geometry became known. Views of cameras not watched do this by themselves."""
        config = self._config
        self._cameras[camera] = CameraGeometry(
            camera, model, base_from_camera, config.range_m, config.resolution_m
        )

    def prepare(self, view: View) -> None:
        """Make the tables for a view's camera, if its geometry is new or has changed.

        `update` and `scan` do it too; this tells beforehand whether they would raise.
        """
        self._geometry(view)

    def update(self, views: Sequence[View], now_ns: int) -> None:
        """Fuse one set of views; the window follows the base's newest pose.

        Each view counts with the pose of its own stamp; the order in which views are given does not matter.
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
        # Clamped once all views are in, so that their order does not matter.
        for cells in changed:
            np.clip(cells, _LOWEST, _HIGHEST, out=cells)
        self._tracker.look(seen, now_ns)
        self._forget(now_ns)

    def snapshot(self, now_ns: int, map_from_base: RigidTransform | None = None) -> GridSnapshot:
        """The map at `now_ns`, also when no view has come for long.

        Args:
            map_from_base: the base's pose now, if the caller knows a newer one than the views brought: it
                decides which ground the silent cameras should be seeing.
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
        blind = self._blindness.mask(self._cameras, self._grid, pose, now_ns) if pose is not None else None
        if blind is not None:
            cells[blind] = UNKNOWN
        x_m, y_m = self._grid.origin_m
        return GridSnapshot(now_ns, x_m, y_m, self._grid.resolution_m, cells)

    def objects(self, now_ns: int) -> tuple[GroundObject, ...]:
        """The objects in sight at `now_ns` (seen within the last 0.4 s), in the map frame."""
        return tuple(
            _ground_object(track, now_ns)
            for track in self._tracker.tracks
            if track.confirmed and now_ns - track.heard_ns <= HOLD_NS
        )

    def scan(self, view: View) -> PolarScan | None:
        """A view's free-space boundary as polar ranges; None where its model gives none."""
        last = self._seen.get(view.camera)
        seen = last if last is not None and last.view is view else self._ground_view(view)
        return polar_scan(seen, self._config.base_frame)

    def _tick(self, now_ns: int) -> None:
        """Start anew when the clock went back; cameras never heard are waited for from now on."""
        if now_ns < self._now_ns - _CLOCK_JUMP_NS:
            self._clear()
        self._now_ns = now_ns
        self._blindness.silent(self._cameras, now_ns)

    def _geometry(self, view: View) -> CameraGeometry:
        known = self._cameras.get(view.camera)
        if known is None or not known.describes(view.model, view.base_from_camera):
            self.watch(view.camera, view.model, view.base_from_camera)
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
        """Add what a view says of the static ground; returns the cells (h, w), part of the grid."""
        self._blindness.heard(seen.view.camera, now_ns)
        window = seen.geometry.table.on(self._grid, seen.view.map_from_base)
        self._memory.look(window, now_ns)
        cells: NDArray[np.float32] = self._grid.values[window.rows, window.columns]
        if seen.columns is None or seen.boundary is None:
            return cells
        column = seen.columns.of_pixel.take(window.pixel)
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
        """Let go of what lies outside every view for too long, and of objects outside the window."""
        lapsed = self._memory.lapsed(now_ns)
        if lapsed is not None:
            self._grid.values[lapsed] = 0.0
        if self._pose is not None:
            memory_ns = round(self._config.memory_s * 1e9)
            oldest_ns = now_ns - memory_ns if memory_ns else -_CLOCK_JUMP_NS
            x_m, y_m = self._pose.translation[:2].tolist()
            self._tracker.keep(oldest_ns, x_m, y_m, self._config.size_m / 2)


def _is_drawn(track: Track, now_ns: int) -> bool:
    in_sight = now_ns - track.heard_ns <= HOLD_NS
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
