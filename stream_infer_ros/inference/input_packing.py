"""The image input of a network, and packing of uint8 NHWC pictures for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.extra_inputs import extra_input_value, is_extra_input
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.unbatched_outputs import unbatched_outputs

DTYPES = ('uint8', 'float32', 'float16')
MOST_FIXED_BATCH = 256
# A larger picture would take gigabytes. It is a mistake in the file.
MOST_PIXELS = 4096 * 4096
# The metadata key of height and width if the shape leaves them free, e.g. '[480, 640]'. Ultralytics writes
# it.
IMAGE_SIZE = 'imgsz'


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Normalisation of pixels (0..255) for a network: `(pixel * scale - mean) / std`.

    Attributes:
        scale: 1.0 keeps 0..255, 1/255 gives 0..1.
        mean, std: of the scaled pixels, for each channel in the network's channel order.
    """

    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def factor(self) -> NDArray[np.float32]:
        """Return (3,) float32. The network gets `pixel * factor + offset`."""
        factor: NDArray[np.float32] = np.array([self.scale / std for std in self.std], np.float32)
        return factor

    def offset(self) -> NDArray[np.float32]:
        """Return (3,) float32, see `factor`."""
        pairs = zip(self.mean, self.std, strict=True)
        offset: NDArray[np.float32] = np.array([-mean / std for mean, std in pairs], np.float32)
        return offset


AS_THEY_ARE = Normalisation()


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The image input of a network, and its further inputs.

    Attributes:
        name: name of the tensor.
        dtype: 'uint8', 'float32' or 'float16'.
        layout: 'nhwc' or 'nchw'.
        height, width: size of a picture, pixels.
        fixed_batch: the exact number of pictures in one run; 0 if any number is possible.
        normalisation: normalisation of pixels for a float network; a uint8 network contains its own.
        extra_inputs: further inputs, which `feed` fills.
    """

    name: str
    dtype: str
    layout: Literal['nhwc', 'nchw']
    height: int
    width: int
    fixed_batch: int
    normalisation: Normalisation = AS_THEY_ARE
    extra_inputs: tuple[TensorInfo, ...] = ()

    @classmethod
    def of(cls, io: EngineIo, normalisation: Normalisation = AS_THEY_ARE) -> ImageInput:
        """Find the image input in the description of a network.

        Raises ModelError if the network takes anything but pictures, or if uint8 pixels should be normalised.
        """
        pictures = [tensor for tensor in io.inputs if not is_extra_input(tensor)]
        if len(pictures) != 1:
            names = ', '.join(tensor.name for tensor in io.inputs) or 'none'
            raise ModelError(
                f'expected a network with one input, got {len(io.inputs)} ({names}); export images only'
            )
        (tensor,) = pictures
        if tensor.dtype not in DTYPES:
            raise ModelError(
                f'expected input {tensor.name!r} as {", ".join(DTYPES)}, got {tensor.dtype}; '
                f'export the network with a uint8 or float32 input'
            )
        layout = _layout(tensor)
        _, *rest = tensor.shape
        if tensor.dtype == 'uint8' and normalisation != AS_THEY_ARE:
            raise ModelError(
                f'expected a network with uint8 input {tensor.name!r} to normalise by itself, and the '
                f'card says {normalisation}; leave scale, mean and std out of the card'
            )
        height, width = (rest[0], rest[1]) if layout == 'nhwc' else (rest[1], rest[2])
        if height < 1 or width < 1:
            height, width = _told_size(tensor, (height, width), io.metadata)
        if height * width > MOST_PIXELS:
            raise ModelError(
                f'expected input {tensor.name!r} of at most {MOST_PIXELS} pixels, got {height}x{width}; '
                f'export the network for smaller pictures'
            )
        beside = tuple(other for other in io.inputs if other is not tensor)
        for other in beside:
            extra_input_value(other, 1, height, width)
        batch = _fixed_batch(tensor, io)
        return cls(tensor.name, tensor.dtype, layout, height, width, batch, normalisation, beside)

    def shape(self, n: int) -> tuple[int, int, int, int]:
        """Return the shape of the tensor for `n` pictures."""
        if self.layout == 'nhwc':
            return n, self.height, self.width, 3
        return n, 3, self.height, self.width

    def shapes(self, n: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield name and shape of every input for `n` pictures."""
        yield self.name, self.shape(n)
        for tensor in self.extra_inputs:
            yield tensor.name, extra_input_value(tensor, n, self.height, self.width).shape

    def feed(self, packed: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return every input of the network by name, for packed pictures."""
        beside = {
            it.name: extra_input_value(it, len(packed), self.height, self.width) for it in self.extra_inputs
        }
        return {self.name: packed, **beside}

    def check(self, picture: NDArray[np.uint8]) -> None:
        """Raise EngineError unless `picture` has the type and size of the network's input."""
        if picture.shape != (self.height, self.width, 3) or picture.dtype != np.uint8:
            raise EngineError(
                f'expected uint8 pictures ({self.height}, {self.width}, 3), got {picture.dtype} '
                f'{picture.shape}; letterbox the images to the size of the network'
            )

    def pack(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """Pack images (n, height, width, 3) uint8 for the network; return `images` itself if possible."""
        if self.layout == 'nchw':
            images = images.transpose(0, 3, 1, 2)
        if self.normalisation == AS_THEY_ARE:
            return np.ascontiguousarray(images, dtype=self.dtype)
        channels = (3, 1, 1) if self.layout == 'nchw' else (3,)
        packed = np.empty(images.shape, self.dtype)
        factor = self.normalisation.factor().reshape(channels)
        np.multiply(images, factor, out=packed, casting='unsafe', dtype=np.float32)
        offset = self.normalisation.offset()
        if offset.any():
            packed += offset.reshape(channels).astype(self.dtype)
        return packed

    def parts(self, images: NDArray[np.uint8], most: int = 0) -> Iterator[tuple[NDArray[Any], int]]:
        """Yield the packed input of each run that the network needs, and the number of images in it.

        `images` is (n, height, width, 3) uint8. If the batch size is fixed, the last run is filled up with
        copies of the first image. Otherwise `most` limits the images in one run; 0 for no limit.
        """
        step = self.fixed_batch or most or len(images)
        for first in range(0, len(images), step):
            part = images[first : first + step]
            count = len(part)
            if self.fixed_batch and count < step:
                part = np.concatenate([part, np.repeat(images[:1], step - count, axis=0)])
            yield self.pack(part), count


def _fixed_batch(tensor: TensorInfo, io: EngineIo) -> int:
    """Return the fixed number of images in one run; 0 if any number is possible."""
    batch = tensor.shape[0]
    if batch == 0 or batch > MOST_FIXED_BATCH:
        raise ModelError(
            f'expected a free batch dimension or 1 to {MOST_FIXED_BATCH} in input {tensor.name!r}, '
            f'got {batch}; export the network with a dynamic batch'
        )
    if unbatched_outputs(io):
        if batch > 1:
            raise ModelError(
                f'expected one image in input {tensor.name!r} of a network whose outputs have no batch '
                f'dimension ({", ".join(map(str, io.outputs))}), got {batch}; export it for one image'
            )
        return 1
    return max(batch, 0)


def _layout(tensor: TensorInfo) -> Literal['nhwc', 'nchw']:
    if len(tensor.shape) == 4 and tensor.shape[3] == 3:
        return 'nhwc'
    # Optimum leaves even the number of channels free. Exports from PyTorch have the channels first.
    if len(tensor.shape) == 4 and tensor.shape[1] in (3, -1):
        return 'nchw'
    raise ModelError(
        f'expected input {tensor.name!r} as (batch, height, width, 3) or (batch, 3, height, width), '
        f'got {tensor.shape}; export a network that takes colour pictures'
    )


def _told_size(tensor: TensorInfo, size: tuple[int, int], metadata: dict[str, str]) -> tuple[int, int]:
    """Return height and width from the metadata, if the shape leaves one or both of `size` free."""
    remedy = (
        f"export it with a fixed height and width or with metadata {IMAGE_SIZE}='[height, width]', or say "
        f'input_size: [height, width] in a model card'
    )
    if IMAGE_SIZE not in metadata:
        raise ModelError(f'expected input {tensor.name!r} of a known size, got {tensor.shape}; {remedy}')
    told = metadata[IMAGE_SIZE]
    try:
        height, width = (int(size) for size in json.loads(told))
    except (ValueError, TypeError) as error:
        raise ModelError(f'expected metadata {IMAGE_SIZE} of two numbers, got {told!r}; {remedy}') from error
    if height < 1 or width < 1:
        raise ModelError(f'expected metadata {IMAGE_SIZE} of positive sizes, got {told!r}; {remedy}')
    if any(fixed > 0 and fixed != side for fixed, side in zip(size, (height, width), strict=True)):
        raise ModelError(
            f'expected a size of {told} to fit input {tensor.name!r}, whose shape is {tensor.shape}; {remedy}'
        )
    return height, width
