"""Which model families there are, and finding the one a network belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.surround import SurroundDecoder, is_surround
from stream_infer_ros.inference.decoders.yolox import YoloxDecoder, is_yolox
from stream_infer_ros.inference.model_card import ModelCard, model_card
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.surround_contract import METADATA


class Family(NamedTuple):
    """One kind of outputs.

    Attributes:
        recognise: whether a network's outputs are of this kind.
        outputs: what they look like, in words.
        usual: the card of a network of this family that says nothing of itself.
        make: what reads them.
    """

    recognise: Callable[[EngineIo], bool]
    outputs: str
    usual: ModelCard
    make: Callable[[ModelConfig, EngineIo, ModelCard], Decoder]


DECODERS: dict[str, Family] = {
    'surround': Family(
        is_surround,
        'boxes (batch, N, 8), free_space (batch, columns, 2), ground (batch, h, w)',
        ModelCard('surround', tuple(METADATA['class_names'].split(','))),
        SurroundDecoder,
    ),
    'yolox': Family(
        is_yolox,
        'one (batch, cells, 5 + classes), cells of the grids at strides 8, 16, 32',
        ModelCard('yolox', colour='bgr'),
        YoloxDecoder,
    ),
}


def model_family(config: ModelConfig, io: EngineIo) -> str:
    """The family the user named, else the one in the metadata, else the one whose outputs these are.

    Raises ModelError if none can be found, or if the outputs are not of the family named.
    """
    named = config.family if config.family != 'auto' else io.metadata.get('family', '')
    if not named:
        for name, family in DECODERS.items():
            if family.recognise(io):
                return name
        raise ModelError(
            f'which family is this network of? Its outputs are {_outputs(io)}; '
            f'known families: {_families()}. Set model.family, or export it with metadata family'
        )
    source = 'model.family' if config.family != 'auto' else "the network's metadata"
    if named not in DECODERS:
        raise ModelError(
            f'expected a known family in {source}, got {named!r}; known families: {_families()}. '
            f'Set model.family to the one it resembles'
        )
    if not DECODERS[named].recognise(io):
        raise ModelError(
            f'expected outputs of family {named}, as {source} says: {DECODERS[named].outputs}; '
            f'got {_outputs(io)}. Export the network again, or set model.family'
        )
    return named


def card_of(config: ModelConfig, io: EngineIo) -> ModelCard:
    """The card of a network: what the user says, else its metadata, else what is usual for its family.

    Raises ModelError (see `model_family`), ConfigError on bad class names.
    """
    return model_card(config, io.metadata, DECODERS[model_family(config, io)].usual)


def make_decoder(config: ModelConfig, io: EngineIo) -> Decoder:
    """The decoder for a network. Raises ModelError (see `model_family`), ConfigError on bad class names."""
    card = card_of(config, io)
    return DECODERS[card.family].make(config, io, card)


def _outputs(io: EngineIo) -> str:
    return '; '.join(str(tensor) for tensor in io.outputs) or 'none'


def _families() -> str:
    return '; '.join(f'{name}: {family.outputs}' for name, family in DECODERS.items())
