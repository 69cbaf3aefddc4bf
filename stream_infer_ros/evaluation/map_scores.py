"""How good a map is: against the true occupancy, over what a perfect sensor could have seen."""

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
    """Shares 0..1; NaN where there was nothing to score.

    With the *surface* the true obstacle cells within 0.3 m of ground the ideal sensor saw, and the tolerance
    0.2 m:

    Attributes:
        occupied_precision: of the cells said to be occupied, near what could be known, those within the
            tolerance of an obstacle. Insides of obstacles are left out.
        occupied_recall: of the surface, what lies within the tolerance of a cell said to be occupied.
        occupied_f1: their harmonic mean; 0 for a map without anything right.
        free_precision: of the cells said to be free, in what could be known, those that are.
        free_recall: of the free cells the ideal sensor saw, those said to be free.
        missed_as_free: of the surface, what is said to be free with nothing occupied within the tolerance.
        moving_recall: occupied_recall over what moves; the surface reaches wherever the sensor ever saw
            ground, so it counts what moved there since, out of anyone's sight.
        moving_recall_in_view: the same over what moves and is in the ideal sensor's sight at this moment.
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
        """Mean of each figure over the scores that have it; NaN where none has."""
        names = [field.name for field in fields(cls)]
        columns = np.array([[getattr(s, name) for name in names] for s in scores]).reshape(-1, len(names))
        known = ~np.isnan(columns)
        count = known.sum(axis=0)
        totals = np.where(known, columns, 0.0).sum(axis=0)
        return cls(*(float(t / n) if n else math.nan for t, n in zip(totals, count, strict=True)))


class MapScorer:
    """Follows a run through a world: what could be seen so far, and how the map compares.

    Grids are those of `WorldState.occupancy`: (n, n), rows y, columns x, the lower-left corner of cell (0, 0)
    at (-size/2, -size/2) of the map frame.
    """

    def __init__(self, size_m: float = 40.0, resolution_m: float = 0.1, range_m: float = 8.0) -> None:
        self.size_m, self.resolution_m, self.range_m = size_m, resolution_m, range_m
        n = round(size_m / resolution_m)
        self._seen: BoolGrid = np.zeros((n, n), np.bool_)
        self._in_sight = self._seen
        self._tolerance = _disc(0.2 / resolution_m)
        self._surface_depth = _disc(0.3 / resolution_m)

    def see(self, occupied: BoolGrid, x_m: float, y_m: float) -> None:
        """The ideal sensor stands at (x, y) among these obstacles (n, n), static and moving."""
        self._in_sight = self._cast(occupied, x_m, y_m)
        self._seen = self._seen | self._in_sight

    def score(self, snapshot: GridSnapshot, still: BoolGrid, moving: BoolGrid) -> MapScores:
        """Score a map against the obstacles (n, n) of its moment. `see` must have been called before.

        Only cells in the map's window count. What it has rolled away from is no part of it, and counts again
        only once the ideal sensor saw it anew.

        Raises:
            WorldError: the map's cells are not those of the world, in size or place.
        """
        cells, in_window = self._aligned(snapshot)
        said_occupied, said_free = cells == OCCUPIED, cells == FREE
        obstacle = still | moving
        seen = self._seen = self._seen & in_window
        near_seen = _grown(seen, self._surface_depth)
        surface = obstacle & near_seen & in_window
        knowable = seen | surface
        counted = said_occupied & ~(obstacle & ~near_seen) & _grown(knowable, self._tolerance)
        near_said = _grown(said_occupied, self._tolerance)
        precision = _share(counted & _grown(obstacle, self._tolerance), counted)
        recall = _share(surface & near_said, surface)
        truly_free = seen & ~obstacle
        said_free_knowable = said_free & knowable
        moving_surface = surface & moving
        moving_in_sight = moving & in_window & _grown(self._in_sight, self._surface_depth)
        return MapScores(
            occupied_precision=precision,
            occupied_recall=recall,
            occupied_f1=2 * precision * recall / (precision + recall) if precision * recall > 0 else 0.0,
            free_precision=_share(said_free_knowable & truly_free, said_free_knowable),
            free_recall=_share(said_free & truly_free, truly_free),
            missed_as_free=_share(surface & said_free & ~near_said, surface),
            moving_recall=_share(moving_surface & near_said, moving_surface, _FEWEST_MOVING_CELLS),
            moving_recall_in_view=_share(moving_in_sight & near_said, moving_in_sight, _FEWEST_MOVING_CELLS),
        )

    def _cast(self, occupied: BoolGrid, x_m: float, y_m: float) -> BoolGrid:
        """Cells (n, n) that rays from (x, y) reach before the first obstacle, within range."""
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
        """The map on the world's cells (n, n), unknown where it does not reach; and where it does (n, n)."""
        n = len(self._seen)
        shift = np.array([snapshot.origin_x_m, snapshot.origin_y_m]) + self.size_m / 2
        offset = shift / self.resolution_m
        whole = np.rint(offset).astype(int)
        same_size = math.isclose(snapshot.resolution_m, self.resolution_m, rel_tol=1e-6)
        if not same_size or np.abs(offset - whole).max() > 0.01:
            raise WorldError(
                f'a map of cells of {self.resolution_m} m in line with the world was expected, cells of '
                f'{snapshot.resolution_m} m at {shift.tolist()} from its corner came; '
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
    """Where `length` cells that start at `offset` lie within 0..n, and which of them do."""
    start, stop = min(max(offset, 0), n), max(min(offset + length, n), 0)
    stop = max(start, stop)
    return slice(start, stop), slice(start - offset, stop - offset)


def _disc(radius_cells: float) -> NDArray[np.uint8]:
    size = 2 * round(radius_cells) + 1
    kernel: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.uint8)
    return kernel


def _grown(grid: BoolGrid, disc: NDArray[np.uint8]) -> BoolGrid:
    grown: BoolGrid = cv2.dilate(grid.view(np.uint8), disc).view(np.bool_)
    return grown


def _share(part: BoolGrid, whole: BoolGrid, fewest: int = 1) -> float:
    count = np.count_nonzero(whole)
    return np.count_nonzero(part) / count if count >= fewest else math.nan
