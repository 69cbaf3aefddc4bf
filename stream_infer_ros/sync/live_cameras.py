"""The cameras that a set of frames waits for."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.sync.stream_clock import StreamClock

_NEVER_NS = 1 << 62


class LiveCameras:
    """Knows which cameras send frames at present. Cameras are numbered by their slots.

    A camera is live from its first frame until no frame of it has arrived for the timeout (2.5 of its
    periods, if that is longer). Cameras without any frame so far are expected until the timeout has passed
    since the first frame of any camera.

    Attributes:
        timeout_ns: may be changed; it then applies from the next `update`.
        heard_ns: arrival of the latest frame of each live camera. The owner notes each frame here.
        awaited: cameras that are live or expected.
        check_ns: no camera stops being awaited before this time.
    """

    heard_ns: dict[int, int]
    awaited: set[int]
    check_ns: int
    _expected: set[int]  # cameras without any frame so far
    _begin_ns: int  # arrival of the first frame of any camera

    def __init__(self, clocks: Sequence[StreamClock]) -> None:
        self._clocks = clocks
        self.timeout_ns = 0
        self.restart()

    def restart(self) -> None:
        """Expect all cameras, as at the start."""
        self.heard_ns = {}
        self._expected = set(range(len(self._clocks)))
        self.awaited = set(self._expected)
        self._begin_ns = self.check_ns = _NEVER_NS

    def add(self, slot: int, now_ns: int) -> None:
        """Add a camera that was not live; a frame of it has arrived now."""
        self.heard_ns[slot] = now_ns
        self.awaited.add(slot)
        self._expected.discard(slot)
        self._begin_ns = min(self._begin_ns, now_ns)
        self.check_ns = min(self.check_ns, now_ns + self.timeout_ns)

    def update(self, now_ns: int) -> bool:
        """Stop awaiting the cameras that have been silent for too long; return True if one was live."""
        self.check_ns = _NEVER_NS
        before = len(self.heard_ns)
        for slot, heard_ns in list(self.heard_ns.items()):
            silent_from_ns = heard_ns + max(self.timeout_ns, self._clocks[slot].period_ns * 5 // 2)
            if silent_from_ns <= now_ns:
                del self.heard_ns[slot]
            else:
                self.check_ns = min(self.check_ns, silent_from_ns)
        expected_until_ns = self._begin_ns + self.timeout_ns
        if now_ns >= expected_until_ns:
            self._expected.clear()
        elif self._expected:
            self.check_ns = min(self.check_ns, expected_until_ns)
        self.awaited = self.heard_ns.keys() | self._expected
        return len(self.heard_ns) < before

    def most_of(self, slots: set[int]) -> bool:
        """True if these are more than half of the live cameras."""
        return 2 * len(slots & self.heard_ns.keys()) > len(self.heard_ns)

    def shortest_period_ns(self) -> int:
        """Return the shortest known period of the live cameras; 0 if none is known."""
        periods_ns = [self._clocks[slot].period_ns for slot in self.heard_ns]
        return min(filter(None, periods_ns), default=0)
