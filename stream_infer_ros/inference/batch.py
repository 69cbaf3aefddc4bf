"""Preallocated memory for the network's input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.engine import Picture
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Fit, Letterbox
from stream_infer_ros.inference.letterbox_writer import PADDING, write_letterboxed
from stream_infer_ros.inference.model_card import ModelCard


class Batch:
    """Images side by side as the engine wants them.

    Owned by one thread, which fills it again for each set. What an engine returned for it stays valid.

    Args:
        capacity: most images it holds.
        height, width: of the network's input, pixels.
        colour: channel order of the network's input.
        how: where a picture of another shape goes, see `fit`.
        padding: grey value around it.

    Attributes:
        images: (capacity, height, width, 3) uint8; the first `len(batch)` are filled.
        letterboxes: how each filled image was fitted, in order.
    """

    def __init__(
        self,
        capacity: int,
        height: int,
        width: int,
        colour: ColourOrder,
        *,
        how: Fit = 'letterbox',
        padding: int = PADDING,
    ) -> None:
        self.images: NDArray[np.uint8] = np.zeros((capacity, height, width, 3), np.uint8)
        self.letterboxes: list[Letterbox] = []
        self._colour = colour
        self._how = how
        self._padding = padding
        # Letterbox each slot was last written with: its padding is still there, and need not be filled again.
        self._padded: list[Letterbox | None] = [None] * capacity

    @classmethod
    def of(cls, capacity: int, image_input: ImageInput, card: ModelCard) -> Batch:
        """One for that network: its size, and pictures go in as its card says."""
        height, width = image_input.height, image_input.width
        return cls(capacity, height, width, card.colour, how=card.fit, padding=card.padding)

    def __len__(self) -> int:
        return len(self.letterboxes)

    @property
    def capacity(self) -> int:
        """Most images it holds."""
        return len(self.images)

    def clear(self) -> None:
        """Forget the images; memory and padding stay."""
        self.letterboxes.clear()

    def write(self, frame: Frame) -> Picture:
        """Letterbox a frame into the next free slot and return that slot; its geometry is `letterboxes[-1]`.

        Raises EncodingError if the pixels cannot be decoded (the slot stays free), and EngineError if the
        batch is full.
        """
        slot = len(self)
        if slot == self.capacity:
            raise EngineError(
                f'expected at most {self.capacity} images in this batch, got one more from {frame.camera!r}; '
                f'make the batch as large as the number of cameras'
            )
        padded, self._padded[slot] = self._padded[slot], None
        picture: Picture = self.images[slot]
        letterbox = write_letterboxed(
            frame, picture, self._colour, how=self._how, fill=self._padding, padded=padded
        )
        self._padded[slot] = letterbox
        self.letterboxes.append(letterbox)
        return picture
