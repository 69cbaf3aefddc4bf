"""Where middleware callbacks leave their bytes: bounded per source, drained in one go by the intake."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Set
from dataclasses import dataclass

from stream_infer_ros.graph.graph import Cdr


@dataclass(frozen=True, slots=True)
class InboxStatistics:
    """What one source left so far."""

    capacity: int
    received: int
    dropped: int


class Inbox:
    """One bounded queue per source (a topic); a full one drops its oldest message (drop-oldest, counted).

    A burst of one camera can therefore never push out another camera's frames, nor the transforms.

    Args:
        capacities: of each source.
        quiet: sources that nobody is woken for; they are drained with what comes next.
    """

    def __init__(self, capacities: Mapping[str, int], quiet: Set[str] = frozenset()) -> None:
        self._queues: dict[str, deque[tuple[Cdr, int]]] = {name: deque() for name in capacities}
        self._capacities = dict(capacities)
        self._quiet = quiet
        self._received = dict.fromkeys(capacities, 0)
        self._dropped = dict.fromkeys(capacities, 0)
        self._lock = threading.Lock()
        # Held while there is nothing new. Alone in `threading` a lock wakes its waiter without Python code,
        # which is slow just after waking up, when no cache holds it.
        self._nothing_new = threading.Lock()
        self._nothing_new.acquire()
        self._closed = False

    def put(self, source: str, cdr: Cdr, received_ns: int) -> bool:
        """Called from the middleware's thread: store and return; False if an older message left for it."""
        with self._lock:
            queue = self._queues[source]
            full = len(queue) >= self._capacities[source]
            if full:
                queue.popleft()
                self._dropped[source] += 1
            queue.append((cdr, received_ns))
            self._received[source] += 1
            if source not in self._quiet:
                self._tell()
        return not full

    def wait(self, timeout_s: float) -> bool:
        """Until something came since the last `drain`, from no quiet source, it is closed, or the time is up.

        For one thread. False if the time is up.
        """
        return self._closed or self._nothing_new.acquire(timeout=timeout_s)

    def drain(self) -> list[tuple[str, Cdr, int]]:
        """All there is as (source, cdr, received_ns) in the order of arrival; what came at the same moment in
        the order the sources were declared."""
        with self._lock:
            self._nothing_new.acquire(blocking=False)
            drained = [(name, *item) for name, queue in self._queues.items() for item in queue]
            for queue in self._queues.values():
                queue.clear()
        return sorted(drained, key=lambda message: message[2])

    def close(self) -> None:
        """Wake the one who drains."""
        with self._lock:
            self._closed = True
            self._tell()

    def _tell(self) -> None:
        """There is something new; `self._lock` is held."""
        if self._nothing_new.locked():
            self._nothing_new.release()

    def statistics(self) -> dict[str, InboxStatistics]:
        with self._lock:
            return {
                name: InboxStatistics(self._capacities[name], self._received[name], self._dropped[name])
                for name in self._queues
            }
