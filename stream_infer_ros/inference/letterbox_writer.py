"""Writing a frame into its slot of the batch: resized, padded, in the network's channel order."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.compressed import COMPRESSED, compressed_size, decode_compressed
from stream_infer_ros.cameras.encodings import ColourOrder, to_colour
from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.inference.letterbox import Fit, Letterbox, fit

PADDING = 114  # grey, as YOLO networks are trained with

# Encodings whose conversion only moves or copies channels: resizing first gives the same picture for a
# fraction of the work. Each is mapped to the order that needs no conversion at all.
_RESIZE_FIRST = {'rgb8': 'rgb', 'bgr8': 'bgr', '8UC3': 'bgr', 'rgba8': '', 'bgra8': '', 'mono8': ''}


def write_letterboxed(
    frame: Frame,
    slot: NDArray[np.uint8],
    colour: ColourOrder,
    *,
    how: Fit = 'letterbox',
    fill: int = PADDING,
    padded: Letterbox | None = None,
) -> Letterbox:
    """Resize a frame (bilinear) into `slot`, with padding around it.

    Args:
        frame: in any encoding `cameras.encodings` knows.
        slot: (height, width, 3) uint8, written in place.
        colour: channel order of the slot, 'rgb' or 'bgr'.
        how: where the picture goes in the slot, see `fit`.
        fill: grey value of the padding.
        padded: the letterbox this slot was last written with; where it is the same again, the padding is
            still there and is left alone.

    Returns the geometry that was used. Raises EncodingError for an image that can't be read.
    """
    height, width = slot.shape[:2]
    if frame.encoding in COMPRESSED:
        source_height, source_width = compressed_size(frame.image, frame.encoding)
        letterbox = fit(source_width, source_height, width, height, how)
        image = decode_compressed(frame.image, frame.encoding, 'bgr', _reduction(frame.encoding, letterbox))
        encoding = 'bgr8'
    elif _RESIZE_FIRST.get(frame.encoding, colour) == colour:
        image, encoding = to_colour(frame.image, frame.encoding, colour), f'{colour}8'
        letterbox = fit(image.shape[1], image.shape[0], width, height, how)
    else:
        image, encoding = frame.image, frame.encoding
        letterbox = fit(image.shape[1], image.shape[0], width, height, how)
    target = _pad(slot, letterbox, fill, letterbox != padded)
    _resize(image, encoding, target, colour)
    return letterbox


def _reduction(encoding: str, letterbox: Letterbox) -> int:
    """The factor by which a JPEG is best decoded smaller: the largest that leaves enough pixels.

    Only one that divides the size: else the small picture would show a strip more than the full one.
    """
    for factor in (4, 2):
        divides = letterbox.source_width % factor == 0 and letterbox.source_height % factor == 0
        if encoding == 'jpeg' and divides and max(letterbox.scale_u, letterbox.scale_v) * factor <= 1.0:
            return factor
    return 1


def _pad(slot: NDArray[np.uint8], letterbox: Letterbox, fill: int, dirty: bool) -> NDArray[np.uint8]:
    """The part of the slot that shows the image; what is around it is filled if it is `dirty`."""
    top, left = letterbox.pad_v, letterbox.pad_u
    bottom, right = top + letterbox.resized_height, left + letterbox.resized_width
    if dirty:
        for around in (slot[:top], slot[bottom:], slot[top:bottom, :left], slot[top:bottom, right:]):
            around[...] = fill
    return slot[top:bottom, left:right]


def _resize(image: NDArray[Any], encoding: str, target: NDArray[np.uint8], colour: ColourOrder) -> None:
    size = (target.shape[1], target.shape[0])
    if _RESIZE_FIRST[encoding] == colour:
        cv2.resize(image, size, dst=target, interpolation=cv2.INTER_LINEAR)
    else:
        to_colour(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), encoding, colour, out=target)
