"""How long ago each cell lay in some camera's view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.rolling_grid import RollingGrid
from stream_infer_ros.mapping.view_table import ViewWindow


class CellMemory:
    """For each cell the time it was last in view; tells which have been out of every view for too long.

    Args:
        memory_s: how long a cell is remembered out of view; 0: for ever, then nothing is kept here.
    """

    def __init__(self, memory_s: float, size_m: float, resolution_m: float) -> None:
        self._memory_s = memory_s
        # Seconds since the first time asked about: float32 resolves them to a hundredth for a day.
        self._start_ns: int | None = None
        self._looked_s = RollingGrid(size_m, resolution_m, np.inf) if memory_s > 0 else None

    def recentre(self, x_m: float, y_m: float) -> None:
        """Move with the map's window."""
        if self._looked_s is not None:
            self._looked_s.recentre(x_m, y_m)

    def look(self, window: ViewWindow, now_ns: int) -> None:
        """The cells of a view are in view now."""
        if self._looked_s is not None:
            cells = self._looked_s.values[window.rows, window.columns]
            cells[window.pixel > 0] = self._seconds(now_ns)

    def lapsed(self, now_ns: int) -> NDArray[np.bool_] | None:
        """Cells (n, n) out of view for longer than the memory lasts; None if memory lasts for ever."""
        if self._looked_s is None:
            return None
        lapsed: NDArray[np.bool_] = self._looked_s.values < self._seconds(now_ns) - self._memory_s
        return lapsed

    def _seconds(self, now_ns: int) -> float:
        if self._start_ns is None:
            self._start_ns = now_ns
        return (now_ns - self._start_ns) * 1e-9
