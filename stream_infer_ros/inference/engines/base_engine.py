"""The base class of engines: loading, checking pictures, and running them as one batch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.engine import Outputs, Picture
from stream_infer_ros.inference.engines.runtime import not_loaded
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo


class BaseEngine(ABC):
    """An engine that runs all pictures as one batch. A subclass opens, runs and frees its runtime."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._io: EngineIo | None = None
        self._input: ImageInput | None = None

    @property
    def io(self) -> EngineIo:
        if self._io is None:
            raise not_loaded()
        return self._io

    def load(self) -> None:
        self._unload()
        try:
            io, self._input = self._open()
        except BaseException:
            self._unload()
            raise
        self._io = self._spec.sized(io)

    def run(self, pictures: Iterable[Picture], within_s: float = math.inf) -> Iterator[Outputs]:
        image_input = self._loaded_input()
        gathered = list(pictures)
        for picture in gathered:
            image_input.check(picture)
        if gathered:
            yield from self._infer(as_batch(gathered), within_s)

    def close(self) -> None:
        self._unload()

    @abstractmethod
    def _open(self) -> tuple[EngineIo, ImageInput]:
        """Load the network; return its description and how pictures are packed for it."""

    @abstractmethod
    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        """Run a batch (n, height, width, 3); return the outputs of each picture."""

    @abstractmethod
    def _free(self) -> None:
        """Free what `_open` has allocated so far. Called more than once."""

    def _unload(self) -> None:
        self._io = self._input = None
        self._free()

    def _loaded_input(self) -> ImageInput:
        """Return how pictures are packed. Raises EngineError before `load`."""
        if self._input is None:
            raise not_loaded()
        return self._input


def as_batch(pictures: Sequence[Picture]) -> NDArray[np.uint8]:
    """Return pictures of one shape as an array (n, height, width, 3).

    Pictures that lie one behind the other in one array become a view of it; others are copied.
    """
    first = pictures[0]
    owner = first.base
    if isinstance(owner, np.ndarray) and owner.flags.c_contiguous:
        start = _address(first)
        if all(
            picture.base is owner
            and picture.flags.c_contiguous
            and _address(picture) == start + n * first.nbytes
            for n, picture in enumerate(pictures)
        ):
            shape = (len(pictures), *first.shape)
            batch: NDArray[np.uint8] = np.ndarray(shape, np.uint8, owner, start - _address(owner))
            return batch
    return np.stack(pictures)


def by_picture(outputs: Outputs, n: int) -> Iterator[Outputs]:
    """Yield the outputs of a batch of `n` pictures as the outputs of each, without a copy."""
    for index in range(n):
        yield {name: array[index : index + 1] for name, array in outputs.items()}


def _address(array: NDArray[np.uint8]) -> int:
    address: int = array.__array_interface__['data'][0]
    return address
