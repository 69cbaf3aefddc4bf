"""Frames become network pictures: resized, padded, in the network's channel order, in one reusable array."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.compressed import (
    COMPRESSED,
    compressed_size,
    decode_compressed,
    encoding_within,
)
from stream_infer_ros.cameras.encodings import ColourOrder, to_colour
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.engine import Picture
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Fit, Letterbox, fit
from stream_infer_ros.inference.model_card import ModelCard

PADDING = 114  # the grey value that YOLO networks are trained with

# The conversion of these encodings only moves or copies channels. Resizing first then gives the same picture
# with less work. The value is the channel order that needs no conversion at all.
_RESIZE_FIRST = {'rgb8': 'rgb', 'bgr8': 'bgr', '8UC3': 'bgr'} | dict.fromkeys(
    ['rgba8', 'bgra8', '8UC4', 'mono8', '8UC1'], ''
)


class Batch:
    """The pictures of one set of frames, in one array that is used again for every set.

    Only one thread may use a batch. Example:

    >>> import numpy as np
    >>> from stream_infer_ros.cameras.frame import Frame
    >>> batch = Batch(capacity=2, height=240, width=320, colour='rgb')
    >>> frame = Frame('front', 0, 0, np.zeros((480, 640, 3), np.uint8), 'bgr8', 'front_optical')
    >>> batch.write(frame).shape, batch.letterboxes[0].scale_u
    ((240, 320, 3), 0.5)
    >>> batch.clear()

    Args:
        capacity: the largest number of pictures.
        height, width: size of the network's input, pixels.
        colour: channel order of the network's input.
        how: placement of an image in the picture, see `fit`.
        padding: grey value around the image.

    Attributes:
        images: (capacity, height, width, 3) uint8; the first `len(batch)` are the pictures.
        letterboxes: the geometry of each picture, in order.
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
        # The letterbox that each slot was last written with. Its padding is still there.
        self._padded: list[Letterbox | None] = [None] * capacity

    @classmethod
    def of(cls, capacity: int, image_input: ImageInput, card: ModelCard) -> Batch:
        """Create a batch for a network of that input size, with pictures as its model card says."""
        height, width = image_input.height, image_input.width
        return cls(capacity, height, width, card.colour, how=card.fit, padding=card.padding)

    def __len__(self) -> int:
        return len(self.letterboxes)

    @property
    def capacity(self) -> int:
        """The largest number of pictures."""
        return len(self.images)

    def clear(self) -> None:
        """Remove the pictures. Memory and padding stay."""
        self.letterboxes.clear()

    def write(self, frame: Frame) -> Picture:
        """Letterbox a frame into the next free slot and return that slot; its geometry is `letterboxes[-1]`.

        Raises EncodingError if the pixels cannot be decoded (the slot stays free), and EngineError if the
        batch is full.
        """
        slot = len(self.letterboxes)
        if slot == len(self.images):
            raise EngineError(
                f'expected at most {self.capacity} images in this batch, got one more from {frame.camera!r}; '
                f'make the batch as large as the number of cameras'
            )
        picture: Picture = self.images[slot]
        padded, self._padded[slot] = self._padded[slot], None
        letterbox = write_letterboxed(
            frame, picture, self._colour, how=self._how, fill=self._padding, padded=padded
        )
        self._padded[slot] = letterbox
        self.letterboxes.append(letterbox)
        return picture


def write_letterboxed(
    frame: Frame,
    picture: Picture,
    colour: ColourOrder,
    *,
    how: Fit = 'letterbox',
    fill: int = PADDING,
    padded: Letterbox | None = None,
) -> Letterbox:
    """Resize a frame (bilinear) into `picture`, with padding around it.

    Args:
        frame: an image in any encoding of `cameras.encodings`.
        picture: (height, width, 3) uint8, written in place.
        colour: channel order of the picture, 'rgb' or 'bgr'.
        how: placement of the image in the picture, see `fit`.
        fill: grey value of the padding.
        padded: the letterbox of the last image in this picture. If it is the same again, the padding is
            still there and is not written.

    Returns the geometry. Raises EncodingError if the pixels cannot be decoded.
    """
    height, width = picture.shape[:2]
    image, encoding = frame.image, frame.encoding
    letterbox = None
    if encoding in COMPRESSED:
        source_height, source_width = compressed_size(image, encoding)
        letterbox = fit(source_width, source_height, width, height, how)
        image = decode_compressed(image, encoding, _reduction(encoding, letterbox))
        encoding = encoding_within(encoding, image)
    if _RESIZE_FIRST.get(encoding, colour) == colour:
        image, encoding = to_colour(image, encoding, colour), f'{colour}8'
    if letterbox is None:
        letterbox = fit(image.shape[1], image.shape[0], width, height, how)
    target = _pad(picture, letterbox, fill, letterbox != padded)
    size = (target.shape[1], target.shape[0])
    if _RESIZE_FIRST[encoding] == colour:
        cv2.resize(image, size, dst=target, interpolation=cv2.INTER_LINEAR)
    else:
        to_colour(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), encoding, colour, out=target)
    return letterbox


def _reduction(encoding: str, letterbox: Letterbox) -> int:
    """Return the factor by which a JPEG is decoded smaller: the largest that leaves enough pixels.

    The factor must divide the size, or the smaller picture would show more of the scene than the full one.
    """
    for factor in (4, 2):
        divides = letterbox.source_width % factor == 0 and letterbox.source_height % factor == 0
        if (
            COMPRESSED[encoding].can_be_reduced
            and divides
            and max(letterbox.scale_u, letterbox.scale_v) * factor <= 1.0
        ):
            return factor
    return 1


def _pad(picture: Picture, letterbox: Letterbox, fill: int, dirty: bool) -> NDArray[np.uint8]:
    """Return the part of the picture that shows the image. Fill the rest if it is `dirty`."""
    top, left = letterbox.pad_v, letterbox.pad_u
    bottom, right = top + letterbox.resized_height, left + letterbox.resized_width
    if dirty:
        for around in (
            picture[:top],
            picture[bottom:],
            picture[top:bottom, :left],
            picture[top:bottom, right:],
        ):
            around[...] = fill
    return picture[top:bottom, left:right]
