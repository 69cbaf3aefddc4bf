"""Lens polynomials: their values, and where they stop growing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def horner(coefficients: Sequence[float], x: FloatArray) -> FloatArray:
    """Value of the polynomial, lowest power first (numpy's Polynomial is far slower on few points)."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value *= x
        value += coefficient
    return value


def derivative(coefficients: Sequence[float]) -> list[float]:
    return [power * coefficient for power, coefficient in enumerate(coefficients)][1:]


def growing_until(slope: Callable[[FloatArray], FloatArray], samples: FloatArray) -> float:
    """The first value at which the slope is no longer positive; the last sample if it is so everywhere.

    Sampled and then bisected, not solved for: the roots of a polynomial with a leading coefficient of almost
    zero are numerically worth nothing, and calibrations have such.

    Args:
        slope: positive at samples[0].
        samples: rising, dense enough that the slope does not dip below zero between two of them.
    """
    falls = np.flatnonzero(~(slope(samples) > 0))
    if len(falls) == 0:
        return float(samples[-1])
    low, high = float(samples[falls[0] - 1]), float(samples[falls[0]])
    while low < (middle := (low + high) / 2) < high:
        if slope(np.array([middle]))[0] > 0:
            low = middle
        else:
            high = middle
    return low
