"""Ground that no camera can see now: in front of silent cameras, or out of view for too long."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.camera_geometry import CameraGeometry
from stream_infer_ros.mapping.rolling_grid import RollingGrid
from stream_infer_ros.mapping.view_table import ViewWindow


class SilentCameras:
    """Finds the cells that only silent cameras could see.

    A camera is silent if no view of it arrived for `after_s` seconds, in the clock of the caller.

    Args:
        after_s: time without a view after which a camera is silent, in seconds.
    """

    def __init__(self, after_s: float) -> None:
        self._after_ns = round(after_s * 1e9)
        self._heard_ns: dict[str, int] = {}

    def mark_heard(self, camera: str, now_ns: int) -> None:
        """Record that a view of this camera arrived at `now_ns`."""
        self._heard_ns[camera] = now_ns

    def silent(self, cameras: Mapping[str, CameraGeometry], now_ns: int) -> frozenset[str]:
        """Return the silent cameras.

        The time of a camera without any view starts at the first call for it.
        """
        return frozenset(
            c for c in cameras if now_ns - self._heard_ns.setdefault(c, now_ns) >= self._after_ns
        )

    def mask(
        self,
        cameras: Mapping[str, CameraGeometry],
        grid: RollingGrid,
        map_from_base: RigidTransform,
        now_ns: int,
    ) -> NDArray[np.bool_] | None:
        """Return the cells (n, n) that silent cameras would see and other cameras do not, or None.

        The views are computed for the base at the given pose. Cells outside all views are not included,
        because the map remembers them. The result is None if no camera is silent.
        """
        silent = self.silent(cameras, now_ns)
        if not silent:
            return None
        blind = np.zeros(grid.values.shape, np.bool_)
        for camera in sorted(cameras, key=lambda name: name not in silent):
            window = cameras[camera].table.window(grid, map_from_base)
            blind[window.rows, window.columns][window.pixel > 0] = camera in silent
        return blind


class CellMemory:
    """Stores when each cell was last in view, and finds cells that were out of view for too long.

    Args:
        memory_s: time in seconds for which a cell outside all views is remembered; 0 means without limit.
        size_m: edge length of the map, in metres.
        resolution_m: edge length of a cell, in metres.
    """

    def __init__(self, memory_s: float, size_m: float, resolution_m: float) -> None:
        self._memory_s = memory_s
        # Times in seconds since the first call. For a day, float32 resolves them to 0.01 s.
        self._start_ns: int | None = None
        self._visible_s = RollingGrid(size_m, resolution_m, np.inf) if memory_s > 0 else None

    def recentre(self, x_m: float, y_m: float) -> None:
        """Move the window, as `RollingGrid.recentre`."""
        if self._visible_s is not None:
            self._visible_s.recentre(x_m, y_m)

    def mark_visible(self, window: ViewWindow, now_ns: int) -> None:
        """Record that the cells of a view are visible now."""
        if self._visible_s is not None:
            cells = self._visible_s.values[window.rows, window.columns]
            cells[window.pixel > 0] = self._seconds(now_ns)

    def expired(self, now_ns: int) -> NDArray[np.bool_] | None:
        """Return the cells (n, n) that were out of view for too long, or None if there is no limit."""
        if self._visible_s is None:
            return None
        expired: NDArray[np.bool_] = self._visible_s.values < self._seconds(now_ns) - self._memory_s
        return expired

    def _seconds(self, now_ns: int) -> float:
        if self._start_ns is None:
            self._start_ns = now_ns
        return (now_ns - self._start_ns) * 1e-9
