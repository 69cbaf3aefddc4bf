"""Images through shared memory, which all processes on this host read without a copy.

Zenoh can also move large messages to shared memory by itself, but copies them to its own buffers first. A
1080p image (6.2 MB) then costs the sender 3.0 ms of CPU time instead of 1.4 ms (2 busy cores).
"""

from __future__ import annotations

import logging
from typing import Any

import zenoh
from zenoh import shm

from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.graph.zenoh.failure import in_words

_log = logging.getLogger(__name__)

# For smaller messages, a copy is cheaper than an allocation.
LEAST_BYTES = 65_536
# The number of the largest messages that fit into the pool: two bursts of six cameras.
MOST_ON_THEIR_WAY = 12
_LEAST_POOL_BYTES = 4 << 20


class SharedMemory:
    """A pool for the large messages of one graph. It is created with the first and grows as needed."""

    def __init__(self) -> None:
        self._provider: Any = None
        self._pool_bytes = 0
        self._usable = True
        # First collect what readers have released, then join neighbouring free blocks.
        joined = shm.Defragment()
        self._policy = shm.GarbageCollect(joined, joined)

    def payload(self, cdr: Cdr) -> Any:
        """Return the payload of a message; plain bytes if it is small or the pool is full."""
        data = cdr if isinstance(cdr, bytes | bytearray) else bytes(cdr)
        if len(data) < LEAST_BYTES or not self._usable:
            return zenoh.ZBytes(data)
        if MOST_ON_THEIR_WAY * len(data) > self._pool_bytes:
            self._grow(max(_LEAST_POOL_BYTES, MOST_ON_THEIR_WAY * len(data)))
        try:
            place = self._provider.alloc(len(data), self._policy) if self._usable else None
        except zenoh.ZError:  # readers hold the whole pool
            place = None
        if place is None:
            return zenoh.ZBytes(data)
        place[:] = data
        return zenoh.ZBytes(place)

    def _grow(self, pool_bytes: int) -> None:
        """Create a pool of that size. The old one is freed when its last message was read."""
        try:
            self._provider = shm.ShmProvider.default_backend(pool_bytes)
        except zenoh.ZError as error:
            # The pages are allocated here, so that a lack of memory does not cause SIGBUS on writing.
            self._usable = False
            _log.warning(
                'zenoh: %d MB of shared memory are not available (%s). Images are copied through sockets; '
                'make /dev/shm larger (docker: --shm-size), or set graph.zenoh.shared_memory: false',
                pool_bytes >> 20,
                in_words(error),
            )
        self._pool_bytes = pool_bytes


class NoSharedMemory:
    """The payloads with `graph.zenoh.shared_memory: false`."""

    def payload(self, cdr: Cdr) -> Any:
        return zenoh.ZBytes(cdr if isinstance(cdr, bytes | bytearray) else bytes(cdr))
