"""Polynomials of lens models: values, derivatives, and the end of the domain in which they grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def horner(coefficients: Sequence[float], x: FloatArray) -> FloatArray:
    """Return the value of a polynomial, lowest power first. For few points it is faster than numpy."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value *= x
        value += coefficient
    return value


def derivative(coefficients: Sequence[float]) -> list[float]:
    """Return the coefficients of the derivative, lowest power first."""
    return [power * coefficient for power, coefficient in enumerate(coefficients)][1:]


def growing_until(slope: Callable[[FloatArray], FloatArray], samples: FloatArray) -> float:
    """Return the first value at which the slope is no longer positive, or the last sample if there is none.

    The value is found by sampling and bisection. Roots of the polynomial are not used, because they are
    numerically unstable if the leading coefficient is almost zero, as in many calibrations.

    Args:
        slope: the derivative; it must be positive at samples[0].
        samples: ascending values, so dense that the slope changes its sign at most once between two of them.
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
