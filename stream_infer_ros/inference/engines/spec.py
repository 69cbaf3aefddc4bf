"""The specification of an engine: configuration, model file and input."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, IMAGE_SIZE, ImageInput, Normalisation
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.unbatched_outputs import unbatched_outputs

# Called on the loading thread with a description of the work and its progress, 0 to 1. False cancels the
# work.
OnProgress = Callable[[str, float], bool]


def _as_they_are(_: EngineIo) -> Normalisation:
    return AS_THEY_ARE


def _go_on(_: str, __: float) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One network on one runtime, not yet loaded.

    Attributes:
        config: the configuration of the runtime.
        model: the model file.
        max_batch: the largest number of pictures in one `run`, at least 1.
        normalisation_of: returns the normalisation of pixels for the description of the network.
        on_progress: called with the progress of a long build.
        input_size: (height, width) of pictures, pixels, for a network that does not fix them; None if the
            file defines the size.
    """

    config: EngineConfig
    model: Path
    max_batch: int = 1
    normalisation_of: Callable[[EngineIo], Normalisation] = field(default=_as_they_are)
    on_progress: OnProgress = field(default=_go_on)
    input_size: tuple[int, int] | None = None

    def sized(self, io: EngineIo) -> EngineIo:
        """Return the description with `input_size` in its metadata, as an exporter would write it."""
        if self.input_size is None:
            return io
        return replace(io, metadata={**io.metadata, IMAGE_SIZE: json.dumps(self.input_size)})

    def image_input(self, io: EngineIo, any_tensors: bool = False) -> ImageInput:
        """Return how pictures are packed for the network.

        `any_tensors` is true if the engine fills further inputs (`ImageInput.feed`) and joins outputs without
        a batch dimension (`join_runs`). Raises ModelError if the network takes no pictures, if
        it has such inputs or outputs and the engine does not support them, or if its size is not
        `input_size`.
        """
        io = self.sized(io)
        image_input = ImageInput.of(io, self.normalisation_of(io))
        size = image_input.height, image_input.width
        if self.input_size not in (None, size):
            raise ModelError(
                f'expected a network for pictures of {self.input_size}, as input_size in the model card says '
                f'(height, width), got one for {size}; correct the card, or remove input_size from it'
            )
        unbatched = unbatched_outputs(io)
        if any_tensors or not (image_input.extra_inputs or unbatched):
            return image_input
        odd = [tensor for tensor in io.outputs if tensor.name in unbatched]
        names = ', '.join(map(str, [*image_input.extra_inputs, *odd]))
        raise ModelError(
            f'expected one input and outputs with a batch dimension for engine {self.config.kind}, got '
            f'{names}; export the network otherwise, or set engine.kind to onnxruntime or openvino'
        )
