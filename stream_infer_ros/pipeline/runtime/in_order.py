"""Results of several threads, handed on in the order of their jobs."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar('T')


class InOrder(Generic[T]):
    """Holds up to `capacity` numbered items. When it is full, the oldest item is dropped.

    Numbers count from 0, and each comes once. When it is full and the next item in order is still missing,
    the missing item is skipped. If it comes later, `put` returns it.
    """

    def __init__(self, capacity: int) -> None:
        self._items: dict[int, T] = {}
        self._capacity = capacity
        self._next = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, number: int, item: T) -> T | None:
        """Add an item; return the item that was dropped for it, which may be the new one."""
        with self._changed:
            dropped = item if number < self._next else None
            if dropped is None:
                self._items[number] = item
                if len(self._items) > self._capacity:
                    oldest = min(self._items)
                    dropped = self._items.pop(oldest)
                    self._next = max(self._next, oldest + 1)
                if len(self._items) == self._capacity:
                    self._next = min(self._items)
            self._changed.notify()
        return dropped

    def take(self, timeout_s: float | None) -> T | None:
        """Return the next item in order; None if it is not there after `timeout_s`, or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next in self._items or self._closed, timeout_s)
            if self._next not in self._items:
                return None
            self._next += 1
            return self._items.pop(self._next - 1)

    def close(self) -> None:
        """Wake the thread that waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
