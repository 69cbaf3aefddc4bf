"""The inverse sensor model: what a free-space boundary says about each cell of ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.column_ranges import ColumnRanges

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SensorModel:
    """Log-odds that one view adds to a cell, by the cell's range against the boundary of its column.

    With sigma the metres of ground that the boundary's uncertainty spans, and m(r) = r^2 / (f h) those of one
    network row at the cell's range r:

        d = r - r_boundary
        free      d < -sigma - gap                          free * min(1, free_row_m / m(r))
        occupied  -sigma/2 - gap <= d < depth + sigma/2     occupied * min(1, occupied_sigma_m / sigma)

    times the column's confidence. The constants were measured on six unseen worlds (DESIGN.md, section 6).

    Attributes:
        row_error: uncertainty of a boundary row, in network rows.
        network_rows_per_column: how many network rows the pitch of the boundary's columns spans. Ours has a
            column every 4 pixels; this ties pixels of the source image to pixels the network saw.
    """

    free: float = -0.4
    free_row_m: float = 0.5
    occupied: float = 0.9
    occupied_sigma_m: float = 0.35
    gap_m: float = 0.05
    depth_m: float = 0.25
    row_error: float = 0.7
    network_rows_per_column: float = 4.0
    min_sigma_m: float = 0.03
    max_sigma_m: float = 5.0

    def row_px(self, columns: ColumnRanges) -> float:
        """Source-image pixels that one network row spans, from the pitch of the columns."""
        return columns.pitch_px / self.network_rows_per_column


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """A free-space boundary on the ground, per column (C,), float64.

    Attributes:
        range_m: horizontal distance from the camera to the boundary; HORIZON_M: free to the horizon.
        sigma_m: metres of ground that its uncertainty spans.
        confidence: 0..1; 0 where the column says nothing.
        row_m: metres that one network row spans at 1 m range: 1 / (f h), f in network pixels.
    """

    range_m: FloatArray
    sigma_m: FloatArray
    confidence: FloatArray
    row_m: float


def boundary_on_ground(
    columns: ColumnRanges,
    boundary_v: NDArray[np.float32],
    confidence: NDArray[np.float32],
    sensor: SensorModel,
    focal_px: float,
    height_m: float,
) -> Boundary:
    """Rows of a free-space boundary (C,) to ranges; columns with a NaN row or confidence say nothing."""
    row_px = sensor.row_px(columns)
    rows = boundary_v.astype(np.float64)
    ranges, farther = columns.range_m(np.stack([rows, rows - sensor.row_error * row_px]))
    told = np.isfinite(rows + ranges + confidence)
    sigma = np.fmin(np.fmax(farther - ranges, sensor.min_sigma_m), sensor.max_sigma_m)
    sure = np.fmin(np.fmax(confidence, 0.0), 1.0)
    return Boundary(
        range_m=np.where(told, ranges, 0.0),
        sigma_m=sigma,
        confidence=np.where(told, sure, 0.0),
        row_m=row_px / (focal_px * height_m),
    )


def cell_evidence(
    square_m2: NDArray[np.float32],
    column: NDArray[np.intp],
    boundary: Boundary,
    sensor: SensorModel,
    range_m: float,
) -> NDArray[np.float32]:
    """Log-odds (h, w) float32 that one view adds to cells of ground.

    Boundaries beyond `range_m` give no occupied evidence: there, free ground only.

    Args:
        square_m2: (h, w) squared horizontal distance of each cell from the camera.
        column: (h, w) the boundary's column that shows it, plus one; 0: none, the evidence is 0.
    """
    occupied = sensor.occupied * np.minimum(1.0, sensor.occupied_sigma_m / boundary.sigma_m)
    occupied *= boundary.confidence * (boundary.range_m < range_m)
    free_to = boundary.range_m - boundary.sigma_m - sensor.gap_m
    occupied_from = boundary.range_m - 0.5 * boundary.sigma_m - sensor.gap_m
    occupied_to = boundary.range_m + sensor.depth_m + 0.5 * boundary.sigma_m
    # m(r) = r^2 row_m; the weight is free_row_m / m(r), capped at 1.
    capped_m2 = sensor.free_row_m / boundary.row_m

    by_column = np.zeros((5, len(occupied) + 1), np.float32)
    by_column[0, 1:] = sensor.free * capped_m2 * boundary.confidence
    by_column[1:4, 1:] = np.square(np.maximum([free_to, occupied_from, occupied_to], 0.0))
    by_column[4, 1:] = occupied
    free, free_to_m2, from_m2, to_m2, hit = by_column.take(column, axis=1)
    evidence: NDArray[np.float32] = np.divide(free, np.maximum(square_m2, np.float32(capped_m2)), out=free)
    evidence *= square_m2 < free_to_m2
    np.copyto(evidence, hit, where=(square_m2 >= from_m2) & (square_m2 < to_m2))
    return evidence
