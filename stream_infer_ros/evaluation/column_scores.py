"""Scores of a free-space boundary, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """Errors of the boundary row in pixels, over the columns that contain an obstacle in range.

    Attributes:
        columns: number of these columns.
        median, mean: median and mean of the absolute error.
        bias: median of predicted minus true row. If it is positive, obstacles appear too near.
        within_1, within_2, beyond_8: share of columns with an absolute error of at most 1, at most 2, and
            more than 8 pixels.
    """

    columns: int
    median: float
    mean: float
    bias: float
    within_1: float
    within_2: float
    beyond_8: float


class ColumnScores:
    """Accumulates errors over images. A predicted row that is not finite counts as an infinite error."""

    def __init__(self) -> None:
        self._errors: list[NDArray[np.float64]] = []

    def add(
        self, predicted_row: NDArray[np.floating], true_row: NDArray[np.floating], obstacle: NDArray[np.bool_]
    ) -> None:
        """Add the columns of one image.

        Args:
            predicted_row, true_row: (C,) boundary rows, in pixels of the same image.
            obstacle: (C,) True if the true boundary is an obstacle, False if it is the range limit.
        """
        error = predicted_row[obstacle].astype(np.float64) - true_row[obstacle].astype(np.float64)
        self._errors.append(np.where(np.isfinite(error), error, np.inf))

    def report(self) -> ColumnReport | None:
        """Return the errors, or None if no column contained an obstacle."""
        error = np.concatenate([*self._errors, np.zeros(0)])
        if not len(error):
            return None
        size = np.abs(error)
        return ColumnReport(
            len(error),
            float(np.median(size)),
            float(size.mean()),
            float(np.median(error)),
            float((size <= 1).mean()),
            float((size <= 2).mean()),
            float((size > 8).mean()),
        )
