"""Pictures of numbers as runs: stretches of a row that show the same number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Runs(NamedTuple):
    """r runs of m pixels in all, row by row from the left.

    What is constant along a run is computed once per run and spread with np.repeat, at a third of what a
    look-up per pixel costs.

    Attributes:
        number: (r,) intp that the run shows.
        row: (r,) intp.
        length: (r,) intp pixels.
        where: (m,) intp pixels of all runs, into the flattened picture.
    """

    number: NDArray[np.intp]
    row: NDArray[np.intp]
    length: NDArray[np.intp]
    where: NDArray[np.intp]


def runs_of(picture: NDArray[np.int32]) -> Runs:
    """The runs of a picture (height, width) whose number is 0 or more."""
    height, width = picture.shape
    begins = np.empty(picture.shape, bool)
    begins[:, 0] = True
    np.not_equal(picture[:, 1:], picture[:, :-1], out=begins[:, 1:])
    start = np.flatnonzero(begins)
    length = np.diff(start, append=height * width)
    number = picture.reshape(-1).take(start).astype(np.intp)
    shown = number >= 0
    number, start, length = number[shown], start[shown], length[shown]
    # Pixel k of all belongs to a run that starts at `start` and before which `before` pixels lie.
    before = np.cumsum(length) - length
    where = np.repeat(start - before, length)
    where += np.arange(len(where))
    return Runs(number, start // width, length, where)
