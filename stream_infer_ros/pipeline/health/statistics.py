"""Durations of each stage and counts of losses, in constant memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

# In the order of the data path. The first two are per camera, the others per set.
STAGES = ('wire', 'wait', 'queue', 'letterbox', 'inference', 'decode', 'fuse', 'publish', 'total')
WINDOW = 4096
# A p99 of so many values leaves the worst two out.
FEW = 200


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; n is the number of values they are of."""

    n: int
    p50: float
    p95: float
    p99: float
    worst: float


class Durations:
    """The last WINDOW durations of one stage, nanoseconds."""

    def __init__(self) -> None:
        self._ring = np.zeros(WINDOW, np.int64)
        self._count = 0

    def add(self, duration_ns: int) -> None:
        self._ring[self._count % WINDOW] = duration_ns
        self._count += 1

    def percentiles(self) -> Percentiles | None:
        """None while nothing was added. Percentiles are of values seen (no interpolation)."""
        return percentiles(self._values())

    def copy(self) -> NDArray[np.int64]:
        """(n,) the last ones, in no order."""
        values: NDArray[np.int64] = self._values().copy()
        return values

    def _values(self) -> NDArray[np.int64]:
        values: NDArray[np.int64] = self._ring[: min(self._count, WINDOW)]
        return values


def percentiles(durations_ns: NDArray[np.int64]) -> Percentiles | None:
    """Return the percentiles of durations (n,) in nanoseconds; None if there are none."""
    n = len(durations_ns)
    if not n:
        return None
    values = np.sort(durations_ns) / 1e6
    # The smallest value that at least that share does not exceed (nearest rank).
    p50, p95, p99 = (float(values[int(np.ceil(share * n)) - 1]) for share in (0.5, 0.95, 0.99))
    return Percentiles(n, p50, p95, p99, float(values[-1]))


class Statistics:
    """Durations by stage and camera, and losses by cause. Safe to use from the pipeline's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._durations: dict[tuple[str, str], Durations] = {}
        self._drops: Counter[tuple[str, str]] = Counter()
        self._not_mapped: Counter[tuple[str, str]] = Counter()
        self.sets_published = 0
        self.sets_partial = 0
        self.invalid_boxes = 0

    def took(self, stage: str, duration_ns: int, camera: str = '') -> None:
        """Note one duration; `camera` is empty for stages that work on whole sets."""
        with self._lock:
            durations = self._durations.get((stage, camera))
            if durations is None:
                durations = self._durations[stage, camera] = Durations()
            durations.add(duration_ns)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note how long what is inside takes."""
        start_ns = perf_counter_ns()
        yield
        self.took(stage, perf_counter_ns() - start_ns)

    def lost(self, cause: str, camera: str, n: int = 1) -> None:
        """Count `n` losses of one camera."""
        with self._lock:
            self._drops[cause, camera] += n

    def not_mapped(self, cause: str, camera: str, n: int = 1) -> None:
        """Count `n` frames of one camera whose detections were published, but that are not in the map."""
        with self._lock:
            self._not_mapped[cause, camera] += n

    def published(self, partial: bool) -> None:
        """One set went out."""
        with self._lock:
            self.sets_published += 1
            self.sets_partial += partial

    def invalid(self, boxes: int) -> None:
        """Count boxes that were left out because the network's values are invalid, e.g. not finite."""
        with self._lock:
            self.invalid_boxes += boxes

    def drops(self) -> dict[str, dict[str, int]]:
        """Losses so far: cause -> camera -> count."""
        with self._lock:
            return _by_cause(self._drops)

    def views_missed(self) -> dict[str, dict[str, int]]:
        """Frames that were detected but not mapped so far: cause -> camera -> count."""
        with self._lock:
            return _by_cause(self._not_mapped)

    def p99_ms(self, *stages: str) -> float:
        """Sum of the p99 of stages that work on whole sets, milliseconds; 0 for one that never ran.

        Of fewer than FEW values it is the median: their p99 would be the worst of them, which is the first.
        """
        return sum(values.p99 if values.n >= FEW else values.p50 for values in self._of_sets(stages))

    def median_ms(self, *stages: str) -> float:
        """Sum of the medians of stages that work on whole sets, milliseconds; 0 for one that never ran."""
        return sum(values.p50 for values in self._of_sets(stages))

    def stages(self) -> dict[str, dict[str, Percentiles]]:
        """stage -> camera ('' for whole sets) -> percentiles, in the order of the data path."""
        with self._lock:
            copies = {key: one.copy() for key, one in self._durations.items() if key[0] in STAGES}
        # Sorted without the lock: of many cameras it takes milliseconds, and every stage would wait.
        found: dict[str, dict[str, Percentiles]] = {}
        for stage, camera in sorted(copies, key=lambda key: STAGES.index(key[0])):
            values = percentiles(copies[stage, camera])
            if values:
                found.setdefault(stage, {})[camera] = values
        return found

    def _of_sets(self, stages: Sequence[str]) -> list[Percentiles]:
        """Return percentiles of stages that work on whole sets, without those that never ran."""
        with self._lock:
            copies = [self._durations[stage, ''].copy() for stage in stages if (stage, '') in self._durations]
        return [values for durations in copies if (values := percentiles(durations))]


def _by_cause(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (cause, camera), n in sorted(counts.items()):
        found.setdefault(cause, {})[camera] = n
    return found
