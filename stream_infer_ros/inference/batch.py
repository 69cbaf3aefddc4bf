"""Preallocated memory for the network's input, twice, so that filling and inference overlap."""

from __future__ import annotations

import queue

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.letterbox_writer import write_letterboxed


class Batch:
    """Images side by side as the engine wants them.

    Whoever took it from the pool owns it, one thread at a time, until it is given back; `images` may then
    be written over at any moment. What an engine returned for it stays valid.

    Attributes:
        images: (capacity, height, width, 3) uint8; the first `len(batch)` are filled.
        letterboxes: how each filled image was fitted, in order.
    """

    def __init__(self, capacity: int, height: int, width: int, colour: ColourOrder) -> None:
        self.images: NDArray[np.uint8] = np.zeros((capacity, height, width, 3), np.uint8)
        self.letterboxes: list[Letterbox] = []
        self._colour = colour
        # Letterbox each slot was last written with: its padding is still there, and need not be filled again.
        self._padded: list[Letterbox | None] = [None] * capacity

    def __len__(self) -> int:
        return len(self.letterboxes)

    @property
    def capacity(self) -> int:
        """Most images it holds."""
        return len(self.images)

    def clear(self) -> None:
        """Forget the images; memory and padding stay."""
        self.letterboxes.clear()

    def add(self, frame: Frame) -> Letterbox:
        """Fit a frame into the next free slot.

        Raises EncodingError for an image that cannot be read (the slot stays free), EngineError if the
        batch is full.
        """
        slot = len(self)
        if slot == self.capacity:
            raise EngineError(
                f'expected at most {self.capacity} images in this batch, got one more from {frame.camera!r}; '
                f'make the batch as large as the number of cameras'
            )
        padded, self._padded[slot] = self._padded[slot], None
        letterbox = write_letterboxed(frame, self.images[slot], self._colour, padded=padded)
        self._padded[slot] = letterbox
        self.letterboxes.append(letterbox)
        return letterbox


class BatchPool:
    """A fixed number of batches that go round: one is filled while another is in the engine."""

    def __init__(self, capacity: int, image_input: ImageInput, colour: ColourOrder, count: int = 2) -> None:
        """`capacity` images a batch, of the size the network takes, in its `colour` order."""
        self._free: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(Batch(capacity, image_input.height, image_input.width, colour))

    def take(self, timeout_s: float = 0.0) -> Batch | None:
        """An empty batch, which the caller then owns; None if all are still in use after `timeout_s`."""
        try:
            batch = self._free.get(block=timeout_s > 0.0, timeout=timeout_s or None)
        except queue.Empty:
            return None
        batch.clear()
        return batch

    def give_back(self, batch: Batch) -> None:
        """Return a batch; the caller must not touch its images any more."""
        self._free.put(batch)
