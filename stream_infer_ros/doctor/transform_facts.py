"""Facts about transforms that a tree of frames does not keep: who contradicts whom."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.transform_buffer import StampedTransform

# Samples of each pair of frames that are kept.
SAMPLES_KEPT = 200
# Two static transforms or two samples of one stamp are equal up to these differences.
SAME_M, SAME_ROTATION = 1e-4, 1e-4
# Two publishers that take turns: neighbouring samples are farther apart than every second one by this factor.
ZIGZAG_FACTOR = 5.0
ZIGZAG_LEAST_M = 0.005
ZIGZAG_FEWEST = 8


@dataclass(slots=True)
class PairFacts:
    """The transforms from one parent to one child.

    Attributes:
        static, dynamic: numbers of transforms from the static and the dynamic topic.
        newest_ns: the newest stamp of a dynamic transform.
        last_received_ns: the time at which the last one arrived.
        backwards: number of dynamic transforms whose stamp is before that of the one before.
        contradictions: number of transforms with the same stamp (or static ones) and another value.
    """

    static: int = 0
    dynamic: int = 0
    newest_ns: int = 0
    last_received_ns: int = 0
    backwards: int = 0
    contradictions: int = 0
    _last: StampedTransform | None = None
    _places: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=SAMPLES_KEPT))

    def take(self, sample: StampedTransform, received_ns: int, *, static: bool) -> None:
        last, self._last = self._last, sample
        self.last_received_ns = received_ns
        if static:
            self.static += 1
            self.contradictions += last is not None and not _same(last, sample)
            return
        self.dynamic += 1
        self.newest_ns = max(self.newest_ns, sample.stamp_ns)
        if last is not None:
            self.backwards += sample.stamp_ns < last.stamp_ns
            self.contradictions += sample.stamp_ns == last.stamp_ns and not _same(last, sample)
        self._places.append(np.concatenate([sample.transform.translation, sample.transform.rotation[:, 0]]))

    @property
    def takes_turns(self) -> bool:
        """True if the values jump to and fro, as if two publishers that disagree took turns."""
        places = np.array(self._places)
        if len(places) < ZIGZAG_FEWEST:
            return False
        neighbours = np.linalg.norm(np.diff(places, axis=0), axis=1)
        seconds = np.linalg.norm(places[2:] - places[:-2], axis=1)
        step = float(median(neighbours))
        return step > ZIGZAG_LEAST_M and step > ZIGZAG_FACTOR * float(median(seconds))


@dataclass(slots=True)
class TransformFacts:
    """All transforms that were observed.

    Attributes:
        pairs: (parent, child) -> facts.
        invalid: message about transforms that are not valid -> number of them.
        messages: number of messages on both topics.
    """

    pairs: dict[tuple[str, str], PairFacts] = field(default_factory=dict)
    invalid: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def take(self, sample: StampedTransform, received_ns: int, *, static: bool) -> None:
        """Record one transform with finite values."""
        pair = sample.parent.lstrip('/'), sample.child.lstrip('/')
        if not all(pair) or pair[0] == pair[1]:
            self.invalid[
                f'a transform from {pair[0]!r} to {pair[1]!r}: both need names, and different ones'
            ] += 1
            return
        self.pairs.setdefault(pair, PairFacts()).take(sample, received_ns, static=static)

    @property
    def frames(self) -> list[str]:
        """The names of all frames, sorted."""
        return sorted({frame for pair in self.pairs for frame in pair})

    def parents(self, child: str) -> list[str]:
        """Return the parents that publishers gave a frame, sorted."""
        return sorted(parent for parent, other in self.pairs if other == child)

    def cycle(self) -> list[str]:
        """Return the frames of a loop, each the parent of the next and the last that of the first; or []."""
        children: dict[str, list[str]] = {}
        for parent, child in self.pairs:
            children.setdefault(parent, []).append(child)
        done: set[str] = set()

        def search(frame: str, line: list[str]) -> list[str]:
            if frame in line:
                return line[line.index(frame) :]
            if frame in done:
                return []
            for child in children.get(frame, ()):
                if loop := search(child, [*line, frame]):
                    return loop
            done.add(frame)
            return []

        return next((loop for frame in self.frames if (loop := search(frame, []))), [])


def _same(one: StampedTransform, other: StampedTransform) -> bool:
    moved = np.abs(one.transform.translation - other.transform.translation).max()
    turned = np.abs(one.transform.rotation - other.transform.rotation).max()
    return bool(moved < SAME_M and turned < SAME_ROTATION)
