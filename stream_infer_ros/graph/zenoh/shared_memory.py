"""Images through shared memory: written there once, read from there by every process of this host.

Zenoh would copy large messages there by itself, but only after a copy into its own buffers: a 1080p image
(6.2 MB) then costs the sender 3.0 ms of CPU instead of 1.4 (2 busy cores).
"""

from __future__ import annotations

import logging
from typing import Any

import zenoh
from zenoh import shm

from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.graph.zenoh.failure import in_words

_log = logging.getLogger(__name__)

# Below this a copy is cheaper than finding a place.
LEAST_BYTES = 65_536
# How many of the largest messages are on their way at once: two bursts of six cameras.
MOST_ON_THEIR_WAY = 12
_LEAST_POOL_BYTES = 4 << 20


class SharedMemory:
    """The places one graph's large messages are written to; made with the first, larger with a larger one."""

    def __init__(self) -> None:
        self._provider: Any = None
        self._pool_bytes = 0
        self._usable = True
        # Places whose readers are done come back first, then neighbours are joined.
        joined = shm.Defragment()
        self._policy = shm.GarbageCollect(joined, joined)

    def payload(self, cdr: Cdr) -> Any:
        """The message as zenoh sends it; as plain bytes where it is small or no place is free."""
        data = cdr if isinstance(cdr, bytes | bytearray) else bytes(cdr)
        if len(data) < LEAST_BYTES or not self._usable:
            return zenoh.ZBytes(data)
        if MOST_ON_THEIR_WAY * len(data) > self._pool_bytes:
            self._grow(max(_LEAST_POOL_BYTES, MOST_ON_THEIR_WAY * len(data)))
        try:
            place = self._provider.alloc(len(data), self._policy) if self._usable else None
        except zenoh.ZError:  # readers hold all of it
            place = None
        if place is None:
            return zenoh.ZBytes(data)
        place[:] = data
        return zenoh.ZBytes(place)

    def _grow(self, pool_bytes: int) -> None:
        """Have a pool of that size; the old one goes when its last place was read."""
        try:
            self._provider = shm.ShmProvider.default_backend(pool_bytes)
        except zenoh.ZError as error:
            # Its pages are taken at once, so it is told here, not by SIGBUS on writing.
            self._usable = False
            _log.warning(
                'zenoh: no %d MB of shared memory to be had (%s): images are copied through sockets; '
                'make /dev/shm larger (docker: --shm-size), or set graph.zenoh.shared_memory: false',
                pool_bytes >> 20,
                in_words(error),
            )
        self._pool_bytes = pool_bytes


class NoSharedMemory:
    """`graph.zenoh.shared_memory: false`."""

    def payload(self, cdr: Cdr) -> Any:
        return zenoh.ZBytes(cdr if isinstance(cdr, bytes | bytearray) else bytes(cdr))
