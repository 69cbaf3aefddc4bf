"""Results of several workers, handed on in the order in which their work was given out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar('T')


@dataclass(frozen=True, slots=True)
class InOrderStatistics:
    """What went through so far."""

    capacity: int
    waiting: int
    put: int
    taken: int
    dropped: int
    fullest: int


class InOrder(Generic[T]):
    """Holds up to `capacity` numbered items; when full, the oldest one leaves (drop policy: drop-oldest).

    Numbers count from 0 and each comes once. When it is full and the next in order has not come, that one is
    not waited for any longer: it is dropped when it comes.
    """

    def __init__(self, capacity: int) -> None:
        self._items: dict[int, T] = {}
        self._capacity = capacity
        self._next = 0
        self._changed = threading.Condition()
        self._closed = False
        self._put = self._taken = self._dropped = self._fullest = 0

    def put(self, number: int, item: T) -> T | None:
        """Hand over an item; returns the one that had to leave for it, if any: maybe itself."""
        with self._changed:
            self._put += 1
            lost = item if number < self._next else None
            if lost is None:
                self._items[number] = item
                if len(self._items) > self._capacity:
                    oldest = min(self._items)
                    lost = self._items.pop(oldest)
                    self._next = max(self._next, oldest + 1)
                if len(self._items) == self._capacity:
                    self._next = min(self._items)
            self._dropped += lost is not None
            self._fullest = max(self._fullest, len(self._items))
            self._changed.notify()
        return lost

    def take(self, timeout_s: float | None) -> T | None:
        """The next in order, waiting up to `timeout_s` (None: for ever); None on timeout or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next in self._items or self._closed, timeout_s)
            if self._next not in self._items:
                return None
            self._taken += 1
            self._next += 1
            return self._items.pop(self._next - 1)

    def close(self) -> None:
        """Wake whoever waits; what is next in order can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def statistics(self) -> InOrderStatistics:
        with self._changed:
            return InOrderStatistics(
                self._capacity, len(self._items), self._put, self._taken, self._dropped, self._fullest
            )
