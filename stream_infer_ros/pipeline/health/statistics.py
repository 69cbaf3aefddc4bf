"""Durations of each stage, and counts of frames that were lost or are missing from the map."""

from __future__ import annotations

import threading
from collections import Counter
from enum import Enum
from typing import TypeVar

from stream_infer_ros.drop_causes import DropCause, NotMappedCause
from stream_infer_ros.pipeline.health.durations import Durations, Percentiles, percentiles

Cause = TypeVar('Cause', DropCause, NotMappedCause)


class Stage(str, Enum):
    """A part of the data path whose duration is recorded, in the order of the path."""

    WIRE = 'wire'  # header stamp to arrival, of each camera
    WAIT = 'wait'  # arrival to the closed set, of each camera
    QUEUE = 'queue'  # closed set to the start of its run
    LETTERBOX = 'letterbox'
    INFERENCE = 'inference'  # without the letterboxing and decoding that overlap it
    DECODE = 'decode'
    FUSE = 'fuse'
    PUBLISH = 'publish'
    TOTAL = 'total'  # header stamp to published result
    # Several stages together, for the latency budget.
    AFTER_RUN = 'after_run'  # FUSE and PUBLISH
    AFTER_INFERENCE = 'after_inference'  # DECODE, FUSE and PUBLISH
    PROCESSING = 'processing'  # closed set to published result, of sets that were run whole

    # The hash of an enum is a Python function; that of a string is computed once, in C.
    __hash__ = str.__hash__

    def __str__(self) -> str:
        return self.value


# The stages that are shown, in this order.
STAGES = tuple(
    stage for stage in Stage if stage not in (Stage.AFTER_RUN, Stage.AFTER_INFERENCE, Stage.PROCESSING)
)


class Statistics:
    """Durations by stage and camera, and losses by cause. Every method can be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._durations: dict[tuple[Stage, str], Durations] = {}
        self._drops: Counter[tuple[DropCause, str]] = Counter()
        self._not_mapped: Counter[tuple[NotMappedCause, str]] = Counter()
        self.sets_published = 0
        self.sets_partial = 0
        self.invalid_boxes = 0

    def took(self, stage: Stage, duration_ns: int, camera: str = '') -> None:
        """Record one duration; `camera` is empty for stages that work on whole sets."""
        with self._lock:
            durations = self._durations.get((stage, camera))
            if durations is None:
                durations = self._durations[stage, camera] = Durations()
            durations.add(duration_ns)

    def lost(self, cause: DropCause, camera: str, n: int = 1) -> None:
        """Count `n` lost frames of one camera."""
        with self._lock:
            self._drops[cause, camera] += n

    def not_mapped(self, cause: NotMappedCause, camera: str, n: int = 1) -> None:
        """Count `n` frames of one camera whose detections were published, but that are not in the map."""
        with self._lock:
            self._not_mapped[cause, camera] += n

    def published(self, partial: bool, invalid_boxes: int) -> None:
        """Count one published set, and the boxes that were left out because their values are invalid."""
        with self._lock:
            self.sets_published += 1
            self.sets_partial += partial
            self.invalid_boxes += invalid_boxes

    def invalid(self, boxes: int) -> None:
        """Count boxes that were left out because the network's values are invalid, e.g. not finite."""
        with self._lock:
            self.invalid_boxes += boxes

    def drops(self) -> dict[DropCause, dict[str, int]]:
        """Return the lost frames so far: cause -> camera -> count."""
        with self._lock:
            return _by_cause(self._drops)

    def views_missed(self) -> dict[NotMappedCause, dict[str, int]]:
        """Return the frames so far that were detected but not mapped: cause -> camera -> count."""
        with self._lock:
            return _by_cause(self._not_mapped)

    def of_sets(self, stage: Stage) -> Percentiles | None:
        """Return the percentiles of a stage that works on whole sets; None if it never ran."""
        with self._lock:
            durations = self._durations.get((stage, ''))
            copy = None if durations is None else durations.copy()
        return None if copy is None else percentiles(copy)

    def stages(self) -> dict[str, dict[str, Percentiles]]:
        """Return stage -> camera ('' for whole sets) -> percentiles, in the order of the data path."""
        with self._lock:
            copies = {key: one.copy() for key, one in self._durations.items() if key[0] in STAGES}
        # The lock is not held while sorting, which takes milliseconds for many cameras.
        found: dict[str, dict[str, Percentiles]] = {}
        for stage, camera in sorted(copies, key=lambda key: STAGES.index(key[0])):
            values = percentiles(copies[stage, camera])
            if values:
                found.setdefault(stage, {})[camera] = values
        return found


def _by_cause(counts: Counter[tuple[Cause, str]]) -> dict[Cause, dict[str, int]]:
    found: dict[Cause, dict[str, int]] = {}
    for (cause, camera), n in sorted(counts.items()):
        found.setdefault(cause, {})[camera] = n
    return found
