"""Lists of boxes without a batch dimension, as long as there are boxes in a picture.

Networks with suppression inside often give such: torchvision's boxes (N, 4), YOLOv7's rows (N, 7), Paddle's
(N, 6) with a count. They go one picture a run, and the lists of a batch are filled up to the longest with
zeros: boxes whose score of 0 no decoder takes. So are lists (batch, N, ...) that come longer from one run
than from the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# Fields of a row: four of the box, then perhaps score, class and number of the image.
_ROW_FIELDS = range(4, 8)


def loose_outputs(io: EngineIo) -> frozenset[str]:
    """Names of the outputs whose first dimension counts boxes and not images; mostly none."""
    if any(len(tensor.shape) == 3 for tensor in io.outputs):
        return frozenset()
    lists = [tensor for tensor in io.outputs if len(tensor.shape) == 2 and tensor.shape[1] in _ROW_FIELDS]
    if not lists or any(
        tensor.shape[1] not in _ROW_FIELDS for tensor in io.outputs if len(tensor.shape) == 2
    ):
        return frozenset()
    if lists[0].shape[1] == 4:  # the other fields of a box come in lists, or masks, of their own
        return frozenset(tensor.name for tensor in io.outputs)
    return frozenset(tensor.name for tensor in lists)


def by_image(io: EngineIo) -> EngineIo:
    """The network as engines show it: loose outputs with images as their first dimension."""
    loose = loose_outputs(io)
    return replace(io, outputs=tuple(_with_batch(it) if it.name in loose else it for it in io.outputs))


def _with_batch(tensor: TensorInfo) -> TensorInfo:
    return replace(tensor, shape=(-1, -1, *tensor.shape[1:]))


def together(io: EngineIo, runs: Sequence[tuple[Sequence[NDArray[Any]], int]]) -> dict[str, NDArray[Any]]:
    """The outputs of several runs as those of one, each (images, ...).

    `runs` holds for each run its outputs in the network's order, and how many of its images count. Networks
    of loose outputs run one image at a time: `ImageInput` sees to that. An array of a single run is handed
    on as it is.
    """
    loose = loose_outputs(io)
    whole: dict[str, NDArray[Any]] = {}
    for place, tensor in enumerate(io.outputs):
        if tensor.name in loose:
            whole[tensor.name] = _filled_up([arrays[place][None] for arrays, _ in runs])
        elif len(runs) == 1:
            arrays, count = runs[0]
            whole[tensor.name] = arrays[place][:count]
        else:
            whole[tensor.name] = _filled_up([arrays[place][:count] for arrays, count in runs])
    return whole


def _filled_up(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays (images, N, ...) one after the other, zeros behind lists shorter than the longest."""
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    longest = max(part.shape[1] for part in parts)
    images = sum(len(part) for part in parts)
    filled = np.zeros((images, longest, *parts[0].shape[2:]), parts[0].dtype)
    first = 0
    for part in parts:
        filled[first : first + len(part), : part.shape[1]] = part
        first += len(part)
    return filled
