"""Images and results in memory that one server shares with us."""

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
    """One region for the images of a batch and one for its results, registered once and used again.

    They are made and registered by `prepare`, on the thread that looks after the server: no request waits for
    that. While there is none, or too small a one, tensors go over the wire.

    A request that was given up may still be in the server's hands, which then writes its results whenever it
    gets to it: after such a failure the results get a region of their own. Images may be overwritten under
    such a request: nobody looks at what comes of it.
    """

    def __init__(self, client: KserveClient, kind: str, make: MakeRegion) -> None:
        self._client = client
        self._kind = kind
        self._make = make
        self._lock = threading.Lock()
        self._images: Region | None = None
        self._results: Region | None = None
        self._known: set[str] = set()  # regions the server was told of
        self._abandoned: list[str] = []  # closed here; the server may still know them
        self._rows = 0  # of the largest batch
        self._image_bytes = 0
        self._result_bytes = 0  # of one image; 0 if an output's size cannot be told

    def expect(self, rows: int, image_bytes: int) -> None:
        """Batches of so many images are to come."""
        with self._lock:
            self._rows, self._image_bytes = max(rows, self._rows), max(image_bytes, self._image_bytes)

    def is_ready(self) -> bool:
        """Whether `prepare` has nothing to do."""
        with self._lock:
            return not self._abandoned and all(
                not size or (region is not None and region.size >= size and region.name in self._known)
                for region, size in self._wanted()
            )

    def prepare(self, outputs: Sequence[TensorInfo], within_s: float) -> None:
        """Make what is missing, tell the server, and have it forget what killed processes of ours left.

        Called by one thread at a time. Raises AttemptFailed, or EngineError if there is no room.
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
        # Without the lock: no request waits for a server's answer to this.
        self._unregister_abandoned(within_s)
        for region in missing:
            # It may know it from before: one that it has in use it would not register again.
            if region.name not in named:
                self._client.register(region, within_s)
            with self._lock:
                self._known.add(region.name)

    def put(self, offset: int, array: NDArray[Any]) -> Place | None:
        """Copy images there, at a byte of the region; None if there is no room now."""
        with self._lock:
            region = self._images
            if region is None or region.name not in self._known or offset + array.nbytes > region.size:
                return None
            region.write(offset, array)
            return Place(region.name, offset, array.nbytes)

    def places(
        self, outputs: Sequence[TensorInfo], first: int, count: int, capacity: int
    ) -> tuple[Place, ...]:
        """Where the results of images `first` to `first + count` of a batch of `capacity` go.

        Empty if an output's size cannot be told, or if there is no room now.
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
        """Copies of the results that lie there. Raises AttemptFailed if they were given up meanwhile."""
        with self._lock:
            region = self._results
            if region is None or region.name != places[0].region:
                raise AttemptFailed('no_region', 'the memory of the results was given up meanwhile')
            return {
                tensor.name: region.read(
                    place.offset, (place.size // _row_bytes(tensor), *tensor.shape[1:]), tensor.dtype
                )
                for tensor, place in zip(outputs, places, strict=True)
            }

    def forget(self, all_of_it: bool) -> None:
        """A request failed: the server may still hold it, or (all of it) may have been started anew."""
        with self._lock:
            if self._results is not None and self._results.name in self._known:
                self._abandon(self._results)
                self._results = None
            if all_of_it:
                self._known.clear()

    def close(self, within_s: float) -> None:
        """Have the server forget it, if the server still listens, and give the memory back."""
        with self._lock:
            for region in (self._images, self._results):
                if region is not None:
                    self._abandon(region)
            self._images = self._results = None
            try:
                self._unregister_abandoned(within_s)
            except AttemptFailed as error:
                _log.debug('a server keeps shared memory until it ends: %s', error)
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
            else:  # else a request that was given up still has it in use: later
                self._abandoned.remove(name)

    def _wanted(self) -> tuple[tuple[Region | None, int], tuple[Region | None, int]]:
        """Images and results: what there is, and the bytes there should be; with the lock held."""
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
    """Bytes of one image's share; 0 if that is not fixed."""
    sizes = tensor.shape[1:]
    if not tensor.shape or min(sizes, default=1) < 1:
        return 0
    return int(np.prod(sizes, dtype=np.int64)) * np.dtype(tensor.dtype).itemsize
