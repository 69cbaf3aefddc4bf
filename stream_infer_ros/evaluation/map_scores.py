"""Scores of a map against the true occupancy, limited to the ground that an ideal sensor could have seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import WorldError
from stream_infer_ros.mapping.grid_snapshot import FREE, OCCUPIED, UNKNOWN, GridSnapshot

BoolGrid = NDArray[np.bool_]

_RAYS = 1440
_BLIND_M = 0.3
_FEWEST_MOVING_CELLS = 6


@dataclass(frozen=True, slots=True)
class MapScores:
    """Scores of a map, each a share in 0..1, or NaN if there were no cells to score.

    An ideal sensor at the position of the robot sees all ground up to the first obstacle. The *surface*
    consists of the true obstacle cells within 0.3 m of ground that this sensor has seen. The *known area* is
    the surface and the seen ground. The tolerance is 0.2 m.

    Attributes:
        occupied_precision: share of the occupied cells of the map that lie within the tolerance of an
            obstacle. Only cells near the known area count, and the insides of obstacles do not.
        occupied_recall: share of the surface that lies within the tolerance of an occupied cell of the map.
        occupied_f1: harmonic mean of the two; 0 if one of them is 0.
        free_precision: share of the free cells of the map, in the known area, that are truly free.
        free_recall: share of the truly free cells seen by the ideal sensor that are free in the map.
        missed_as_free: share of the surface that is free in the map, without an occupied cell within the
            tolerance.
        moving_recall: occupied_recall for moving objects only. This includes objects that moved, out of
            sight, to ground that the sensor saw earlier.
        moving_recall_in_view: the same, only for moving objects that the ideal sensor sees now.
    """

    occupied_precision: float
    occupied_recall: float
    occupied_f1: float
    free_precision: float
    free_recall: float
    missed_as_free: float
    moving_recall: float
    moving_recall_in_view: float

    @classmethod
    def mean(cls, scores: Sequence[MapScores]) -> MapScores:
        """Return the mean of each score over the values that are not NaN; NaN if there are none."""
        names = [field.name for field in fields(cls)]
        columns = np.array([[getattr(s, name) for name in names] for s in scores]).reshape(-1, len(names))
        known = ~np.isnan(columns)
        count = known.sum(axis=0)
        totals = np.where(known, columns, 0.0).sum(axis=0)
        return cls(*(float(t / n) if n else math.nan for t, n in zip(totals, count, strict=True)))


class MapScorer:
    """Accumulates the ground that an ideal sensor has seen during a drive, and scores maps on it.

    Grids are (n, n) as in `WorldState.occupancy`. Rows are y, columns are x. The lower-left corner of cell
    (0, 0) is at (-size_m / 2, -size_m / 2) in the map frame.

    Args:
        size_m, resolution_m: edge lengths of the grid and of its cells, in metres.
        range_m: range of the ideal sensor, in metres.
    """

    def __init__(self, size_m: float = 40.0, resolution_m: float = 0.1, range_m: float = 8.0) -> None:
        self.size_m, self.resolution_m, self.range_m = size_m, resolution_m, range_m
        n = round(size_m / resolution_m)
        self._seen: BoolGrid = np.zeros((n, n), np.bool_)
        self._in_sight = self._seen
        self._tolerance = _disc(0.2 / resolution_m)
        self._surface_depth = _disc(0.3 / resolution_m)

    def see(self, occupied: BoolGrid, x_m: float, y_m: float) -> None:
        """Add what the ideal sensor sees from (x, y) among all obstacles (n, n)."""
        self._in_sight = self._cast(occupied, x_m, y_m)
        self._seen = self._seen | self._in_sight

    def score(self, snapshot: GridSnapshot, still: BoolGrid, moving: BoolGrid) -> MapScores:
        """Score a map against the static and the moving obstacles (n, n) at the same time. Call `see` before.

        Only cells in the window of the map count. Cells that left the window count again only after the ideal
        sensor has seen them again.

        Raises:
            WorldError: size or position of the cells of the map differ from those of the world.
        """
        cells, in_window = self._aligned(snapshot)
        map_occupied, map_free = cells == OCCUPIED, cells == FREE
        obstacle = still | moving
        seen = self._seen = self._seen & in_window
        near_seen = _dilated(seen, self._surface_depth)
        surface = obstacle & near_seen & in_window
        known_area = seen | surface
        counted = map_occupied & ~(obstacle & ~near_seen) & _dilated(known_area, self._tolerance)
        near_occupied = _dilated(map_occupied, self._tolerance)
        precision = _share(counted & _dilated(obstacle, self._tolerance), counted)
        recall = _share(surface & near_occupied, surface)
        truly_free = seen & ~obstacle
        map_free_known = map_free & known_area
        moving_surface = surface & moving
        moving_in_sight = moving & in_window & _dilated(self._in_sight, self._surface_depth)
        return MapScores(
            occupied_precision=precision,
            occupied_recall=recall,
            occupied_f1=2 * precision * recall / (precision + recall) if precision * recall > 0 else 0.0,
            free_precision=_share(map_free_known & truly_free, map_free_known),
            free_recall=_share(map_free & truly_free, truly_free),
            missed_as_free=_share(surface & map_free & ~near_occupied, surface),
            moving_recall=_share(moving_surface & near_occupied, moving_surface, _FEWEST_MOVING_CELLS),
            moving_recall_in_view=_share(
                moving_in_sight & near_occupied, moving_in_sight, _FEWEST_MOVING_CELLS
            ),
        )

    def _cast(self, occupied: BoolGrid, x_m: float, y_m: float) -> BoolGrid:
        """Return the cells (n, n) within range that rays from (x, y) reach before the first obstacle."""
        angles = np.linspace(0.0, 2 * np.pi, _RAYS, endpoint=False)
        reach = np.arange(_BLIND_M, self.range_m, self.resolution_m / 2)
        n = len(occupied)
        half = self.size_m / 2

        def index(start: float, direction: NDArray[np.float64]) -> NDArray[np.intp]:
            cells = (start + half + np.outer(direction, reach)) / self.resolution_m
            return np.clip(cells.astype(np.intp), 0, n - 1)

        cell = index(y_m, np.sin(angles)) * n + index(x_m, np.cos(angles))
        clear = ~np.logical_or.accumulate(occupied.reshape(-1)[cell], axis=1)
        reached = np.zeros(n * n, np.bool_)
        reached[cell[clear]] = True
        return reached.reshape(n, n)

    def _aligned(self, snapshot: GridSnapshot) -> tuple[NDArray[np.int8], BoolGrid]:
        """Return the map in the cells of the world (n, n), and a mask (n, n) of its window."""
        n = len(self._seen)
        shift = np.array([snapshot.origin_x_m, snapshot.origin_y_m]) + self.size_m / 2
        offset = shift / self.resolution_m
        whole = np.rint(offset).astype(int)
        same_size = math.isclose(snapshot.resolution_m, self.resolution_m, rel_tol=1e-6)
        if not same_size or np.abs(offset - whole).max() > 0.01:
            raise WorldError(
                f'expected a map with cells of {self.resolution_m} m that coincide with those of the world, '
                f'got cells of {snapshot.resolution_m} m at {shift.tolist()} m from its corner; '
                f'set map.resolution_m to {self.resolution_m}'
            )
        aligned = np.full((n, n), UNKNOWN, np.int8)
        rows, columns = snapshot.cells.shape
        (row_to, row_from), (column_to, column_from) = _meet(whole[1], rows, n), _meet(whole[0], columns, n)
        aligned[row_to, column_to] = snapshot.cells[row_from, column_from]
        in_window = np.zeros((n, n), np.bool_)
        in_window[row_to, column_to] = True
        return aligned, in_window


def _meet(offset: int, length: int, n: int) -> tuple[slice, slice]:
    """Return where `length` cells from `offset` on lie within 0..n, and the slice of those that do."""
    start, stop = min(max(offset, 0), n), max(min(offset + length, n), 0)
    stop = max(start, stop)
    return slice(start, stop), slice(start - offset, stop - offset)


def _disc(radius_cells: float) -> NDArray[np.uint8]:
    size = 2 * round(radius_cells) + 1
    kernel: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.uint8)
    return kernel


def _dilated(grid: BoolGrid, disc: NDArray[np.uint8]) -> BoolGrid:
    dilated: BoolGrid = cv2.dilate(grid.view(np.uint8), disc).view(np.bool_)
    return dilated


def _share(part: BoolGrid, whole: BoolGrid, fewest: int = 1) -> float:
    count = np.count_nonzero(whole)
    return np.count_nonzero(part) / count if count >= fewest else math.nan
