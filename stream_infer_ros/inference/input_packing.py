"""What image a network takes, and packing uint8 NHWC pictures into that form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

DTYPES = ('uint8', 'float32', 'float16')


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The one input of a network that takes pictures.

    Attributes:
        name: of the tensor.
        dtype: 'uint8', 'float32' or 'float16'; floats are fed 0..255, normalising is the network's task.
        layout: 'nhwc' or 'nchw'.
        height, width: pixels.
        free_batch: True if any number of images goes in at once, False if exactly one does.
    """

    name: str
    dtype: str
    layout: Literal['nhwc', 'nchw']
    height: int
    width: int
    free_batch: bool

    @classmethod
    def of(cls, io: EngineIo) -> ImageInput:
        """Read it from a network's description. Raises ModelError if it takes anything but one picture."""
        if len(io.inputs) != 1:
            names = ', '.join(tensor.name for tensor in io.inputs) or 'none'
            raise ModelError(
                f'expected a network with one input, got {len(io.inputs)} ({names}); export images only'
            )
        tensor = io.inputs[0]
        if tensor.dtype not in DTYPES:
            raise ModelError(
                f'expected input {tensor.name!r} as {", ".join(DTYPES)}, got {tensor.dtype}; '
                f'export the network with a uint8 or float32 input'
            )
        layout = _layout(tensor)
        batch, *rest = tensor.shape
        if batch not in (-1, 1):
            raise ModelError(
                f'expected a free batch dimension or 1 in input {tensor.name!r}, got {batch}; '
                f'export the network with a dynamic batch'
            )
        height, width = (rest[0], rest[1]) if layout == 'nhwc' else (rest[1], rest[2])
        if height < 1 or width < 1:
            height, width = _size_from_metadata(tensor, io.metadata)
        return cls(tensor.name, tensor.dtype, layout, height, width, batch == -1)

    def shape(self, n: int) -> tuple[int, int, int, int]:
        """Shape of the tensor that holds `n` images."""
        if self.layout == 'nhwc':
            return n, self.height, self.width, 3
        return n, 3, self.height, self.width

    def check(self, batch: NDArray[np.uint8], n: int) -> None:
        """Raise EngineError unless `batch` holds `n` images this network takes."""
        expected = (self.height, self.width, 3)
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != expected:
            raise EngineError(
                f'expected a uint8 batch (capacity, {self.height}, {self.width}, 3), got {batch.dtype} '
                f'{batch.shape}; letterbox the images to the size of the network'
            )
        if not 1 <= n <= len(batch):
            raise EngineError(f'expected 1 to {len(batch)} images to run, got {n}; fill the batch first')

    def pack(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """Images (n, height, width, 3) uint8 as the network takes them; `images` itself where that is it."""
        if self.layout == 'nchw':
            images = images.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(images, dtype=self.dtype)


def _layout(tensor: TensorInfo) -> Literal['nhwc', 'nchw']:
    if len(tensor.shape) == 4 and tensor.shape[3] == 3:
        return 'nhwc'
    if len(tensor.shape) == 4 and tensor.shape[1] == 3:
        return 'nchw'
    raise ModelError(
        f'expected input {tensor.name!r} as (batch, height, width, 3) or (batch, 3, height, width), '
        f'got {tensor.shape}; export a network that takes colour pictures'
    )


def _size_from_metadata(tensor: TensorInfo, metadata: dict[str, str]) -> tuple[int, int]:
    """Height and width from metadata 'imgsz', written as '[480, 640]', where the shape leaves them free."""
    remedy = "export it with a fixed height and width, or with metadata imgsz='[height, width]'"
    if 'imgsz' not in metadata:
        raise ModelError(f'expected input {tensor.name!r} of a known size, got {tensor.shape}; {remedy}')
    try:
        height, width = (int(size) for size in json.loads(metadata['imgsz']))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f'expected metadata imgsz of two numbers, got {metadata["imgsz"]!r}; {remedy}'
        ) from error
    if height < 1 or width < 1:
        raise ModelError(f'expected metadata imgsz of positive sizes, got {metadata["imgsz"]!r}; {remedy}')
    return height, width
