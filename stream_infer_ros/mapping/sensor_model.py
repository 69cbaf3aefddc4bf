"""Inverse sensor model: the evidence of a free-space boundary for each cell of ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.detections import FreeSpace
from stream_infer_ros.mapping.column_ranges import ColumnRanges

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SensorModel:
    """Parameters of the log-odds that one view adds to a cell.

    The log-odds depend on the difference d between the range r of the cell and the range r_b of the boundary
    in the same column. sigma is the uncertainty of the boundary on the ground, and m(r) = r^2 / (f h) is the
    length of ground that one network row covers at range r::

        d = r - r_b
        free:     free * min(1, free_row_m / m(r))               if d < -sigma - gap_m
        occupied: occupied * min(1, occupied_sigma_m / sigma)    if -sigma/2 - gap_m <= d < depth_m + sigma/2

    Both are multiplied by the confidence of the column. All other cells get 0. For inverse sensor models, see
    Thrun, Burgard and Fox, Probabilistic Robotics, 2005, section 9.2. The default values were
    measured on six simulated worlds that the network was not trained on.

    Attributes:
        free, occupied: log-odds of a free and of an occupied cell.
        free_row_m: a free cell gets less weight where one network row covers more ground than this, in
            metres.
        occupied_sigma_m: an occupied cell gets less weight where sigma is larger than this, in metres.
        gap_m: width of the gap in front of the boundary, in metres.
        depth_m: depth of the occupied ground behind the boundary, in metres.
        row_error: uncertainty of a boundary row, in network rows.
        network_rows_per_column: distance between neighbouring columns, in network rows. The surround model
            has one column every 4 pixels. This relates pixels of the source image to pixels of the network
            input.
        min_sigma_m, max_sigma_m: limits of sigma, in metres.
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
        """Return the height of one network row in source-image pixels, from the pitch of the columns."""
        return columns.pitch_px / self.network_rows_per_column


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """A free-space boundary on the ground. All arrays are (C,) float64, one value per column.

    Attributes:
        range_m: horizontal distance from the camera to the boundary, in metres; HORIZON_M if free to the
            horizon.
        sigma_m: uncertainty of the range, in metres.
        confidence: 0..1; 0 if the column has no valid boundary.
        row_m: length of ground that one network row covers at a range of 1 m: 1 / (f h), f in network pixels.
        is_obstacle: False if the boundary lies in an ignored part of the image.
    """

    range_m: FloatArray
    sigma_m: FloatArray
    confidence: FloatArray
    row_m: float
    is_obstacle: NDArray[np.bool_]


def boundary_on_ground(
    columns: ColumnRanges,
    free_space: FreeSpace,
    sensor: SensorModel,
    focal_px: float,
    height_m: float,
) -> Boundary:
    """Project boundary rows to the ground. A column with NaN as row or confidence gets confidence 0."""
    boundary_v, confidence, ignored = free_space.boundary_v, free_space.confidence, free_space.ignored
    row_px = sensor.row_px(columns)
    rows = boundary_v.astype(np.float64)
    ranges, farther = columns.range_m(np.stack([rows, rows - sensor.row_error * row_px]))
    valid = np.isfinite(rows + ranges + confidence)
    sigma = np.fmin(np.fmax(farther - ranges, sensor.min_sigma_m), sensor.max_sigma_m)
    clipped = np.fmin(np.fmax(confidence, 0.0), 1.0)
    return Boundary(
        range_m=np.where(valid, ranges, 0.0),
        sigma_m=sigma,
        confidence=np.where(valid, clipped, 0.0),
        row_m=row_px / (focal_px * height_m),
        is_obstacle=np.ones(len(rows), np.bool_) if ignored is None else ~ignored,
    )


def cell_evidence(
    square_m2: NDArray[np.float32],
    column: NDArray[np.intp],
    boundary: Boundary,
    sensor: SensorModel,
    range_m: float,
) -> NDArray[np.float32]:
    """Return the log-odds (h, w) float32 that one view adds to cells of ground, see `SensorModel`.

    Args:
        square_m2: (h, w) squared horizontal distance of each cell from the camera, in square metres.
        column: (h, w) index of the boundary column that shows the cell, plus one.
            0 means that no column shows the cell; its log-odds are 0.
        boundary, sensor: boundary of the view, and parameters of the model.
        range_m: a boundary at or beyond this range gives no evidence for occupied cells.
    """
    occupied = sensor.occupied * np.minimum(1.0, sensor.occupied_sigma_m / boundary.sigma_m)
    occupied *= boundary.confidence * ((boundary.range_m < range_m) & boundary.is_obstacle)
    free_to = boundary.range_m - boundary.sigma_m - sensor.gap_m
    occupied_from = boundary.range_m - 0.5 * boundary.sigma_m - sensor.gap_m
    occupied_to = boundary.range_m + sensor.depth_m + 0.5 * boundary.sigma_m
    # With m(r) = r^2 row_m, the weight free_row_m / m(r) is 1 up to this squared range.
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
