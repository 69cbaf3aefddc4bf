"""A server's description of a model, parsed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.engines.kserve.client import DTYPE_OF
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as a server offers it.

    Attributes:
        io: its tensors, and its parameters as metadata.
        max_batch: the largest number of images in one request; 0 if the server gives no limit.
    """

    io: EngineIo
    max_batch: int

    def difference(self, other: ServedModel) -> str:
        """Return how another model differs, as text; empty if the two are interchangeable.

        A free dimension matches any size. Metadata are compared only if both models have some, because not
        every server can store them.
        """
        for kind, mine, theirs in (
            ('inputs', self.io.inputs, other.io.inputs),
            ('outputs', self.io.outputs, other.io.outputs),
        ):
            if len(mine) != len(theirs) or not all(map(_fits, mine, theirs)):
                return f'{kind} {_words(theirs)} instead of {_words(mine)}'
        told, others = self.io.metadata, other.io.metadata
        if told and others and told != others:
            changed = sorted(key for key in {*told, *others} if told.get(key) != others.get(key))
            return f'other metadata ({", ".join(changed)})'
        return ''


def served_model(metadata: Mapping[str, Any], config: Mapping[str, Any]) -> ServedModel:
    """Parse the protocol's model metadata and Triton's model configuration (empty if there is none).

    If `max_batch_size` is above 0, Triton omits the batch from `dims` in the configuration, and puts -1 in
    front of `shape` in the metadata. The shapes here are those of the metadata.
    Raises ModelError if the model cannot be run here, or if metadata and configuration contradict each other.
    """
    name = metadata.get('name', '')
    inputs = tuple(_tensor(tensor, name) for tensor in metadata.get('inputs', ()))
    outputs = tuple(_tensor(tensor, name) for tensor in metadata.get('outputs', ()))
    if not inputs or not outputs:
        raise ModelError(
            f'expected inputs and outputs in the metadata of served model {name!r}, got {dict(metadata)}; '
            f'complete its configuration on the server'
        )
    max_batch = int(config.get('max_batch_size', 0))
    if max_batch > 0:
        unbatched = [tensor for tensor in (*inputs, *outputs) if tensor.shape[:1] != (-1,)]
        if unbatched:
            raise ModelError(
                f'expected a free batch dimension in front of every tensor of served model {name!r}, as '
                f'its max_batch_size {max_batch} says, got {_words(unbatched)}; correct its config.pbtxt'
            )
    parameters = {
        key: str(value.get('string_value', '')) for key, value in dict(config.get('parameters', {})).items()
    }
    return ServedModel(EngineIo(inputs, outputs, parameters), max_batch)


def _tensor(tensor: Mapping[str, Any], model: str) -> TensorInfo:
    datatype = tensor.get('datatype', '')
    if datatype not in DTYPE_OF:
        raise ModelError(
            f'expected tensor {tensor.get("name")!r} of served model {model!r} as one of '
            f'{", ".join(DTYPE_OF)}, got {datatype or "none"}; export the model with types that numpy has'
        )
    shape = tuple(max(int(size), -1) for size in tensor.get('shape', ()))  # gRPC writes them as strings
    return TensorInfo(str(tensor.get('name', '')), DTYPE_OF[datatype], shape)


def _fits(mine: TensorInfo, theirs: TensorInfo) -> bool:
    return (mine.name, mine.dtype, len(mine.shape)) == (theirs.name, theirs.dtype, len(theirs.shape)) and all(
        a == b or -1 in (a, b) for a, b in zip(mine.shape, theirs.shape, strict=True)
    )


def _words(tensors: tuple[TensorInfo, ...] | list[TensorInfo]) -> str:
    return '; '.join(str(tensor) for tensor in tensors)
