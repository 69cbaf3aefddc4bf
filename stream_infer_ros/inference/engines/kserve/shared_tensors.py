"""Images and results in memory that one server shares with us."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.kserve.attempt import AttemptFailed, Place
from stream_infer_ros.inference.engines.kserve.client import KserveClient
from stream_infer_ros.inference.engines.kserve.region import Region, is_left_over
from stream_infer_ros.inference.network_io import TensorInfo

MakeRegion = Callable[[int], Region]

_log = logging.getLogger(__name__)


class SharedTensors:
    """One region for the images of a batch and one for its results, registered once and used again.

    A request that was given up may still be in the server's hands, which then writes its results whenever it
    gets to it: after a failure the results get a region of their own. Images may be overwritten under such a
    request: nobody looks at what comes of it.
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

    def prepare(self, within_s: float) -> None:
        """Tell the server of what there is, and have it forget what processes of ours left that were killed.

        Raises AttemptFailed.
        """
        with self._lock:
            kind = self._kind
            for name in self._client.regions(kind, within_s):
                if is_left_over(name):
                    self._client.unregister(kind, name, within_s)
            for region in (self._images, self._results):
                if region is not None:
                    self._tell(region, within_s)

    def put(self, offset: int, array: NDArray[Any], total: int, within_s: float) -> Place:
        """Copy images there; the whole batch needs `total` bytes.

        Raises AttemptFailed, EngineError if there is no room.
        """
        with self._lock:
            if self._images is not None and self._images.size < total:
                self._abandon(self._images)
                self._images = None
            self._images = self._images or self._make(total)
            self._tell(self._images, within_s)
            self._images.write(offset, array)
            return Place(self._images.name, offset, array.nbytes)

    def places(
        self, outputs: Sequence[TensorInfo], first: int, count: int, capacity: int, within_s: float
    ) -> tuple[Place, ...]:
        """Where the results of images `first` to `first + count` of a batch of `capacity` go.

        Empty if an output's size cannot be told. Raises AttemptFailed, EngineError.
        """
        sizes = [_row_bytes(tensor) for tensor in outputs]
        if not all(sizes):
            return ()
        total = capacity * sum(sizes)
        with self._lock:
            if self._results is not None and self._results.size < total:
                self._abandon(self._results)
                self._results = None
            self._results = self._results or self._make(total)
            self._tell(self._results, within_s)
            places, start = [], 0
            for size in sizes:
                places.append(Place(self._results.name, start + first * size, count * size))
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

    def forget(self) -> None:
        """A request failed: the server may have been started anew, or still hold the request."""
        with self._lock:
            if self._results is not None:
                self._abandon(self._results)
                self._results = None
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
        self._abandoned.append(region.name)

    def _unregister_abandoned(self, within_s: float) -> None:
        kept = []
        for name in self._abandoned:
            try:
                self._client.unregister(self._kind, name, within_s)
            except AttemptFailed as error:
                if error.cause != 'refused':
                    raise
                kept.append(name)  # a request that was given up still has it in use
        self._abandoned = kept

    def _tell(self, region: Region, within_s: float) -> None:
        """The server knows the region afterwards. Raises AttemptFailed."""
        if region.name in self._known:
            return
        self._unregister_abandoned(within_s)
        # It may know it from before: one that it has in use it would not register again.
        if region.name not in self._client.regions(self._kind, within_s):
            self._client.register(region, within_s)
        self._known.add(region.name)


def _row_bytes(tensor: TensorInfo) -> int:
    """Bytes of one image's share; 0 if that is not fixed."""
    sizes = tensor.shape[1:]
    if not tensor.shape or min(sizes, default=1) < 1:
        return 0
    return int(np.prod(sizes, dtype=np.int64)) * np.dtype(tensor.dtype).itemsize
