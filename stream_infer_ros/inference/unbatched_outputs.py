"""Outputs without a batch dimension: lists with one row for each box in a picture.

Networks with suppression in the graph often have them: torchvision's boxes (N, 4), YOLOv7's rows (N, 7),
Paddle's (N, 6) with a count, SCRFD's lists of each stride. Such a network runs one picture at a time. The
lists of a batch are padded with zeros to the longest one; decoders leave out boxes with score 0. Lists
(batch, N, ...) whose length differs from run to run are padded in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# Numbers of values in a row: four of the box, and perhaps score, class and the index of the image.
_ROW_FIELDS = range(4, 8)
_NAME_BY_STRIDE = re.compile(r'(score|bbox|kps)_\d+')


def unbatched_outputs(io: EngineIo) -> frozenset[str]:
    """Return the names of outputs whose first dimension counts boxes, not images. Most networks have none."""
    if any(len(tensor.shape) == 3 for tensor in io.outputs):
        return frozenset()
    if _has_lists_by_stride(io):
        return frozenset(tensor.name for tensor in io.outputs)
    lists = [tensor for tensor in io.outputs if len(tensor.shape) == 2 and tensor.shape[1] in _ROW_FIELDS]
    if not lists or any(
        tensor.shape[1] not in _ROW_FIELDS for tensor in io.outputs if len(tensor.shape) == 2
    ):
        return frozenset()
    if lists[0].shape[1] == 4:  # the other fields of a box are separate lists, or masks
        return frozenset(tensor.name for tensor in io.outputs)
    return frozenset(tensor.name for tensor in lists)


def _has_lists_by_stride(io: EngineIo) -> bool:
    """Return True for the lists of SCRFD: scores, boxes and perhaps landmarks for each stride."""
    if len(io.outputs) < 6 or any(len(tensor.shape) != 2 for tensor in io.outputs):
        return False
    fields = {tensor.shape[1] for tensor in io.outputs}
    named = all(_NAME_BY_STRIDE.fullmatch(tensor.name) for tensor in io.outputs)
    return {1, 4} <= fields <= {1, 4, 10} or (named and -1 in fields)


def with_batch_dimension(io: EngineIo) -> EngineIo:
    """Return the description of a network with the batch dimension that `join_runs` adds to its outputs."""
    unbatched = unbatched_outputs(io)
    return replace(io, outputs=tuple(_batched(it) if it.name in unbatched else it for it in io.outputs))


def _batched(tensor: TensorInfo) -> TensorInfo:
    return replace(tensor, shape=(-1, -1, *tensor.shape[1:]))


def join_runs(io: EngineIo, runs: Sequence[tuple[Sequence[NDArray[Any]], int]]) -> dict[str, NDArray[Any]]:
    """Return the outputs of several runs as those of one run, each (images, ...).

    `runs` has the outputs of each run in the network's order, and the number of its images that are used.
    Networks with unbatched outputs run one image at a time, see `ImageInput.parts`. Arrays of a single run
    are not copied.
    """
    unbatched = unbatched_outputs(io)
    whole: dict[str, NDArray[Any]] = {}
    for place, tensor in enumerate(io.outputs):
        if tensor.name in unbatched:
            whole[tensor.name] = _padded([arrays[place][None] for arrays, _ in runs])
        elif len(runs) == 1:
            arrays, count = runs[0]
            whole[tensor.name] = arrays[place][:count]
        else:
            whole[tensor.name] = _padded([arrays[place][:count] for arrays, count in runs])
    return whole


def _padded(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate arrays (images, N, ...), with zeros behind lists that are shorter than the longest one."""
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
