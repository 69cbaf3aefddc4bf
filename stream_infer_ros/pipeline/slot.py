"""A bounded hand-over between two threads: the newest wins, and every loss is counted."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar('T')


@dataclass(frozen=True, slots=True)
class SlotStatistics:
    """What went through a slot so far."""

    capacity: int
    waiting: int
    put: int
    taken: int
    dropped: int
    fullest: int


class Slot(Generic[T]):
    """Holds up to `capacity` items; when full, the oldest one leaves (drop policy: drop-oldest).

    One idea makes it fit a latency bound: what waits longest is worth least.
    """

    def __init__(self, capacity: int) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._changed = threading.Condition()
        self._closed = False
        self._put = self._taken = self._dropped = self._fullest = 0

    def put(self, item: T) -> T | None:
        """Hand over `item`; returns the item that had to leave for it, if any."""
        with self._changed:
            lost = self._items.popleft() if len(self._items) >= self._capacity else None
            self._items.append(item)
            self._put += 1
            self._dropped += lost is not None
            self._fullest = max(self._fullest, len(self._items))
            self._changed.notify()
        return lost

    def take(self, timeout_s: float | None) -> T | None:
        """The oldest item, waiting up to `timeout_s` (None: for ever); None on timeout or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout_s)
            if not self._items:
                return None
            self._taken += 1
            return self._items.popleft()

    def close(self) -> None:
        """Wake whoever waits; what is still inside can be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def statistics(self) -> SlotStatistics:
        with self._changed:
            return SlotStatistics(
                self._capacity, len(self._items), self._put, self._taken, self._dropped, self._fullest
            )
