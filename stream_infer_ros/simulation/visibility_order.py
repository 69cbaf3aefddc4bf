"""The painter's order of upright prisms: a prism that hides another one is painted later."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

_ANGLE_EPS = 1e-4


def far_to_near(eye: NDArray[np.float64], outlines: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order in which prisms over disjoint convex footprints must be painted.

    Of two footprints that share bearings the one hit first by a ray in the middle of them is in front:
    convex sets that do not meet cannot change sides within them. The pairs give a topological order;
    what no pair binds goes by distance, as does a cycle (three things each behind the next).

    Args:
        eye: (2,) where the camera stands, metres, outside every footprint.
        outlines: (n, k, 2) counter-clockwise polygons, metres; corners may be repeated.

    Returns:
        (n,) indices into `outlines`, the one to paint first first.
    """
    n = len(outlines)
    corners = outlines - eye
    nearest = np.hypot(corners[..., 0], corners[..., 1]).min(1)
    start, width = _bearings(corners)
    first, second, bearing = _shared_bearings(start, width)
    direction = np.stack([np.cos(bearing), np.sin(bearing)], 1)
    first_is_front = _range_along(corners[first], direction) < _range_along(corners[second], direction)
    front, back = np.where(first_is_front, first, second), np.where(first_is_front, second, first)
    return _topological(n, back, front, nearest)


def _bearings(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first bearing of each footprint, counter-clockwise, and its width: (n,) radians each."""
    centre = corners.mean(1)
    middle = np.arctan2(centre[:, 1], centre[:, 0])
    about = _wrapped(np.arctan2(corners[..., 1], corners[..., 0]) - middle[:, None])
    low, high = about.min(1), about.max(1)
    return middle + low, high - low


def _shared_bearings(
    start: NDArray[np.float64], width: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the pairs (i, j) with i < j whose bearings overlap, and the centre of the overlap, radians."""
    other = start[:, None] + _wrapped(start[None] - start[:, None])
    low = np.maximum(start[:, None], other)
    high = np.minimum((start + width)[:, None], other + width[None])
    i, j = np.nonzero(np.triu(high - low > _ANGLE_EPS, 1))
    return i, j, (low[i, j] + high[i, j]) / 2


def _range_along(polygons: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance (m,) along unit vectors (m, 2) to polygons (m, k, 2); inf if missed."""
    p = polygons
    edge = np.roll(p, -1, 1) - p
    dx, dy = direction[:, None, 0], direction[:, None, 1]
    across = dx * edge[..., 1] - dy * edge[..., 0]
    across = np.where(np.abs(across) < 1e-9, 1e-9, across)
    along = (p[..., 0] * edge[..., 1] - p[..., 1] * edge[..., 0]) / across
    share = (p[..., 0] * dy - p[..., 1] * dx) / across
    hit = (share >= -1e-6) & (share <= 1 + 1e-6) & (along > 0)
    ranges: NDArray[np.float64] = np.where(hit, along, np.inf).min(1)
    return ranges


def _topological(
    n: int, before: NDArray[np.intp], after: NDArray[np.intp], nearest: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Sort topologically (Kahn). Of several possible prisms, the farthest comes first."""
    followers: list[list[int]] = [[] for _ in range(n)]
    waiting = np.bincount(after, minlength=n).tolist()
    for b, a in zip(before.tolist(), after.tolist(), strict=True):
        followers[b].append(a)
    distance = nearest.tolist()
    free = [(-distance[i], i) for i in range(n) if waiting[i] == 0]
    heapq.heapify(free)
    order: list[int] = []
    while free:
        _, i = heapq.heappop(free)
        order.append(i)
        for j in followers[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                heapq.heappush(free, (-distance[j], j))
    if len(order) < n:
        left = set(range(n)).difference(order)
        order += sorted(left, key=lambda i: -distance[i])
    return np.array(order, np.intp)


def _wrapped(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise angles to [-pi, pi)."""
    wrapped: NDArray[np.float64] = (angle + np.pi) % (2 * np.pi) - np.pi
    return wrapped
