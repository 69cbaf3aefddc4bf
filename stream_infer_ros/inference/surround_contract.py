"""The contract of our own network, `models/surround.onnx`: names, shapes and meaning of its tensors.

Input `images`: uint8 (batch, height, width, 3), RGB. Outputs in network pixels, with pixel centres at whole
numbers:
`boxes` float32 (batch, 100, 8): x0, y0, x1, y1, contact_u, contact_v, score, class_id, best score first,
before NMS;
`free_space` float32 (batch, columns, 2): row and confidence, columns centred at `(i + 0.5) * stride - 0.5`;
`ground` float32 (batch, height / stride, width / stride): probability of ground.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

WIDTH, HEIGHT = 320, 240
COLUMN_STRIDE = 4
BOXES, BOX_FIELDS = 100, 8
CLASS_NAMES = ('pedestrian', 'car', 'cone', 'box')
METADATA = {'family': 'surround', 'class_names': ','.join(CLASS_NAMES), 'input_colour': 'rgb'}


def surround_io(width: int = WIDTH, height: int = HEIGHT) -> EngineIo:
    """Return the description of a network of this family; sizes are multiples of 4."""
    columns, rows = width // COLUMN_STRIDE, height // COLUMN_STRIDE
    return EngineIo(
        (TensorInfo('images', 'uint8', (-1, height, width, 3)),),
        (
            TensorInfo('boxes', 'float32', (-1, BOXES, BOX_FIELDS)),
            TensorInfo('free_space', 'float32', (-1, columns, 2)),
            TensorInfo('ground', 'float32', (-1, rows, columns)),
        ),
        dict(METADATA),
    )


def surround_scene(
    boxes: Sequence[Sequence[float]] = (), boundary_row: float = HEIGHT / 2, io: EngineIo | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return outputs of one image, without batch dimension: the given boxes, and ground below `boundary_row`.

    Each box is (x0, y0, x1, y1, contact_u, contact_v, score, class_id), network pixels.
    """
    shapes = {tensor.name: tensor.shape[1:] for tensor in (io or surround_io()).outputs}
    scene = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for row, box in zip(scene['boxes'], boxes, strict=False):
        row[:] = box
    scene['free_space'][:, 0] = boundary_row
    scene['free_space'][:, 1] = 1.0
    scene['ground'][int(boundary_row) // COLUMN_STRIDE :] = 1.0
    return scene
