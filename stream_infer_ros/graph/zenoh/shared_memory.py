"""Images through shared memory: written there once, read from there by every process of this host.

Zenoh would copy large messages there by itself, but only after a copy into its own buffers: a 1080p image
(6.2 MB) then costs the sender 3.0 ms of CPU instead of 1.4 (2 busy cores).
"""

from __future__ import annotations

from typing import Any

import zenoh
from zenoh import shm

from stream_infer_ros.graph.graph import Cdr

# Below this a copy is cheaper than finding a place.
LEAST_BYTES = 65_536
# Twelve 640x480 images or ten of 1080p on their way at once; only pages that were written take memory.
POOL_BYTES = 64 << 20


class SharedMemory:
    """The places one graph's images are written to; made with the first image."""

    def __init__(self) -> None:
        self._provider: shm.ShmProvider | None = None
        # Places whose readers are done come back first, then neighbours are joined.
        joined = shm.Defragment()
        self._policy = shm.GarbageCollect(joined, joined)

    def payload(self, cdr: Cdr) -> Any:
        """The message as zenoh sends it; as plain bytes where it is small or no place is free.

        Of a plain message zenoh makes a copy, so the buffer is the caller's again.
        """
        data = cdr if isinstance(cdr, bytes | bytearray) else bytes(cdr)
        if len(data) < LEAST_BYTES:
            return zenoh.ZBytes(data)
        if self._provider is None:
            self._provider = shm.ShmProvider.default_backend(POOL_BYTES)
        try:
            place = self._provider.alloc(len(data), self._policy)
        except zenoh.ZError:  # readers hold all of it, or the message is larger: it goes as others do
            return zenoh.ZBytes(data)
        place[:] = data
        return zenoh.ZBytes(place)


class NoSharedMemory:
    """`graph.zenoh.shared_memory: false`."""

    def payload(self, cdr: Cdr) -> Any:
        return zenoh.ZBytes(cdr if isinstance(cdr, bytes | bytearray) else bytes(cdr))
