"""How good the free-space boundary is, column by column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """Errors of the boundary row, pixels; over columns that hold an obstacle in range.

    Attributes:
        columns: how many there were.
        median, mean: of the absolute error.
        bias: median of said minus true: above zero, obstacles are seen too near.
        within_1, within_2, beyond_8: share of columns with an error of at most 1, at most 2, over 8 pixels.
    """

    columns: int
    median: float
    mean: float
    bias: float
    within_1: float
    within_2: float
    beyond_8: float


class ColumnScores:
    """Collects images one at a time. A row that is not finite is an error without bound."""

    def __init__(self) -> None:
        self._errors: list[NDArray[np.float64]] = []

    def add(
        self, said_row: NDArray[np.floating], true_row: NDArray[np.floating], obstacle: NDArray[np.bool_]
    ) -> None:
        """Score one image: (C,) rows in the same pixels, (C,) whether the true boundary is an obstacle's."""
        error = said_row[obstacle].astype(np.float64) - true_row[obstacle].astype(np.float64)
        self._errors.append(np.where(np.isfinite(error), error, np.inf))

    def report(self) -> ColumnReport | None:
        """None where no column held an obstacle."""
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
