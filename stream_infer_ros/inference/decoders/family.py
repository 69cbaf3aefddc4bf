"""What is known of one kind of outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo


class Family(NamedTuple):
    """One kind of outputs.

    Attributes:
        recognise: whether a network's outputs can be of this kind.
        outputs: what they look like, in words.
        usual: the card of a network of this family that says nothing of itself.
        make: what reads them.
        classes: how many classes the outputs tell of if they are of this kind; None where they do not tell.
        claims: whether an exporter of this family signed it, in the metadata or in how it names and counts.
    """

    recognise: Callable[[EngineIo], bool]
    outputs: str
    usual: ModelCard
    make: Callable[[ModelConfig, EngineIo, ModelCard], Decoder]
    classes: Callable[[EngineIo], int | None] = lambda _: None
    claims: Callable[[EngineIo], bool] = lambda _: False
