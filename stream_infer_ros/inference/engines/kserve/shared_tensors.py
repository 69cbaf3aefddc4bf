"""Images and results in memory that is shared with one server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.kserve.client import AttemptFailed, KserveClient, Place
from stream_infer_ros.inference.engines.kserve.region import Region, is_left_over
from stream_infer_ros.inference.network_io import TensorInfo

MakeRegion = Callable[[int], Region]

_log = logging.getLogger(__name__)


class SharedTensors:
    """One region for the images of a batch and one for its results, registered once and reused.

    `prepare` allocates and registers them on the health-check thread, so that no request waits for it. While
    a region is missing or too small, tensors are sent over the network.

    The server may still work on a request that was cancelled, and write its results later. After such a
    failure the results therefore get a new region. Images of such a request may be overwritten, because
    nobody uses its results.
    """

    def __init__(self, client: KserveClient, kind: str, make: MakeRegion) -> None:
        self._client = client
        self._kind = kind
        self._make = make
        self._lock = threading.Lock()
        self._images: Region | None = None
        self._results: Region | None = None
        self._known: set[str] = set()  # regions that are registered
        self._abandoned: list[str] = []  # closed here, perhaps still registered
        self._rows = 0  # of the largest batch
        self._image_bytes = 0
        self._result_bytes = 0  # of one image; 0 if the size of an output is unknown

    def expect(self, rows: int, image_bytes: int) -> None:
        """Announce the size of batches."""
        with self._lock:
            self._rows, self._image_bytes = max(rows, self._rows), max(image_bytes, self._image_bytes)

    def is_ready(self) -> bool:
        """True if `prepare` has nothing to do."""
        with self._lock:
            return not self._abandoned and all(
                not size or (region is not None and region.size >= size and region.name in self._known)
                for region, size in self._wanted()
            )

    def prepare(self, outputs: Sequence[TensorInfo], within_s: float) -> None:
        """Allocate and register missing regions, and unregister those of killed processes of this package.

        Only one thread at a time may call this. Raises AttemptFailed, or EngineError if there is not enough
        memory.
        """
        named = self._client.regions(self._kind, within_s)
        for name in named:
            if is_left_over(name):
                self._client.unregister(self._kind, name, within_s)
        with self._lock:
            sizes = [_row_bytes(tensor) for tensor in outputs]
            self._result_bytes = sum(sizes) if all(sizes) else 0
            (images, images_size), (results, results_size) = self._wanted()
            self._images = self._of_size(images, images_size)
            self._results = self._of_size(results, results_size)
            missing = [
                region
                for region in (self._images, self._results)
                if region is not None and region.name not in self._known
            ]
        # The lock is not held here, so that no request waits for these calls.
        self._unregister_abandoned(within_s)
        for region in missing:
            # The server refuses to register a region that is registered and in use.
            if region.name not in named:
                self._client.register(region, within_s)
            with self._lock:
                self._known.add(region.name)

    def put(self, offset: int, array: NDArray[Any]) -> Place | None:
        """Copy images to a byte offset of their region; return None if there is no room."""
        with self._lock:
            region = self._images
            if region is None or region.name not in self._known or offset + array.nbytes > region.size:
                return None
            region.write(offset, array)
            return Place(region.name, offset, array.nbytes)

    def places(
        self, outputs: Sequence[TensorInfo], first: int, count: int, capacity: int
    ) -> tuple[Place, ...]:
        """Return where the results of images `first` to `first + count` of a batch of `capacity` go.

        Empty if the size of an output is unknown, or if there is no room.
        """
        sizes = [_row_bytes(tensor) for tensor in outputs]
        with self._lock:
            region = self._results
            if region is None or region.name not in self._known or not all(sizes):
                return ()
            if capacity * sum(sizes) > region.size:
                return ()
            places, start = [], 0
            for size in sizes:
                places.append(Place(region.name, start + first * size, count * size))
                start += capacity * size
            return tuple(places)

    def take(self, outputs: Sequence[TensorInfo], places: Sequence[Place]) -> dict[str, NDArray[Any]]:
        """Return copies of the results. Raises AttemptFailed if their region was abandoned meanwhile."""
        with self._lock:
            region = self._results
            if region is None or region.name != places[0].region:
                raise AttemptFailed('no_region', 'the memory of the results was abandoned meanwhile')
            return {
                tensor.name: region.read(
                    place.offset, (place.size // _row_bytes(tensor), *tensor.shape[1:]), tensor.dtype
                )
                for tensor, place in zip(outputs, places, strict=True)
            }

    def forget(self, all_of_it: bool) -> None:
        """Abandon the results region after a failed request, which the server may still work on.

        With `all_of_it` nothing counts as registered, because the server may have been restarted.
        """
        with self._lock:
            if self._results is not None and self._results.name in self._known:
                self._abandon(self._results)
                self._results = None
            if all_of_it:
                self._known.clear()

    def close(self, within_s: float) -> None:
        """Unregister the regions, if the server answers, and free them."""
        with self._lock:
            for region in (self._images, self._results):
                if region is not None:
                    self._abandon(region)
            self._images = self._results = None
            try:
                self._unregister_abandoned(within_s)
            except AttemptFailed as error:
                _log.debug('a server keeps shared memory registered until it ends: %s', error)
            self._abandoned.clear()
            self._known.clear()

    def _abandon(self, region: Region) -> None:
        region.close()
        self._known.discard(region.name)
        self._abandoned.append(region.name)

    def _unregister_abandoned(self, within_s: float) -> None:
        for name in tuple(self._abandoned):
            try:
                self._client.unregister(self._kind, name, within_s)
            except AttemptFailed as error:
                if error.cause != 'refused':
                    raise
            else:  # otherwise a cancelled request still uses it, and it is unregistered later
                self._abandoned.remove(name)

    def _wanted(self) -> tuple[tuple[Region | None, int], tuple[Region | None, int]]:
        """Return the regions of images and results with the sizes they should have. The lock must be held."""
        return (
            (self._images, self._rows * self._image_bytes),
            (self._results, self._rows * self._result_bytes),
        )

    def _of_size(self, region: Region | None, size: int) -> Region | None:
        if region is not None and region.size < size:
            self._abandon(region)
            region = None
        return region or (self._make(size) if size else None)


def _row_bytes(tensor: TensorInfo) -> int:
    """Return the bytes of one image; 0 if they are not fixed."""
    sizes = tensor.shape[1:]
    if not tensor.shape or min(sizes, default=1) < 1:
        return 0
    return int(np.prod(sizes, dtype=np.int64)) * np.dtype(tensor.dtype).itemsize
