"""Results image by image, while later images of the batch are still being written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.engines.engine import Engine

Outputs = dict[str, NDArray[Any]]


@runtime_checkable
class ImageByImage(Protocol):
    """What an engine that runs every image as a request of its own can do beside `infer`."""

    def infer_each(
        self, batch: NDArray[np.uint8], filling: Iterable[int], within_s: float = math.inf
    ) -> Iterator[Outputs]:
        """Begin with each image as soon as it is written; give the results in the same order.

        Args:
            batch: (capacity, height, width, 3) uint8 NHWC; stays the caller's, who fills it again after the
                last result.
            filling: writes the next image into `batch` whenever it is asked for another, and gives how many
                are there then; at least 1.
            within_s: see Engine.infer.

        Yields each output by name, first dimension 1; they belong to the caller. Raises as Engine.infer does.
        """
        ...


def infer_each(
    engine: Engine, batch: NDArray[np.uint8], filling: Iterable[int], within_s: float = math.inf
) -> Iterator[Outputs]:
    """See ImageByImage; engines that want the batch as a whole get it when it is filled."""
    if isinstance(engine, ImageByImage):
        yield from engine.infer_each(batch, filling, within_s)
        return
    n = max(filling, default=0)
    if n:
        yield from one_by_one(engine.infer(batch, n, within_s), n)


def one_by_one(outputs: Outputs, n: int) -> Iterator[Outputs]:
    """The outputs of a batch of `n` as those of its images, views."""
    for image in range(n):
        yield {name: array[image : image + 1] for name, array in outputs.items()}


class Counting:
    """What fills a batch, and how far it has come."""

    def __init__(self, filling: Iterable[int]) -> None:
        self._filling = iter(filling)
        self._n = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self._n = next(self._filling)
        return self._n

    def all(self) -> int:
        """Fill what is still to be filled; how many images there are."""
        for _ in self:
            pass
        return self._n
