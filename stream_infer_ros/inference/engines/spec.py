"""What an engine is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput, Normalisation
from stream_infer_ros.inference.network_io import EngineIo

# What is being done and how much of it, 0 to 1; False asks to give it up. Called on the thread that loads.
OnProgress = Callable[[str, float], bool]


def _as_they_are(_: EngineIo) -> Normalisation:
    return AS_THEY_ARE


def _go_on(_: str, __: float) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One network on one runtime, not yet loaded.

    Attributes:
        config: of the runtime.
        model: the file.
        max_batch: most images in one `infer`, at least 1.
        normalisation_of: what the network wants of its pixels, told once its description is known.
        on_progress: hears how far a long build is.
    """

    config: EngineConfig
    model: Path
    max_batch: int = 1
    normalisation_of: Callable[[EngineIo], Normalisation] = field(default=_as_they_are)
    on_progress: OnProgress = field(default=_go_on)

    def image_input(self, io: EngineIo, companions: bool = False) -> ImageInput:
        """How pictures go into the network.

        `companions` says that the engine takes all inputs that `ImageInput.feed` tells. Raises ModelError if
        the network takes no pictures, or more than those from an engine that feeds nothing else.
        """
        image_input = ImageInput.of(io, self.normalisation_of(io))
        if image_input.companions and not companions:
            names = ', '.join(tensor.name for tensor in image_input.companions)
            raise ModelError(
                f'expected a network with one input for engine {self.config.kind}, got {names} beside the '
                f'pictures; export the network without, or set engine.kind to onnxruntime or openvino'
            )
        return image_input
