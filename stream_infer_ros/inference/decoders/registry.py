"""Which model families there are, and finding the one a network belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.card_file import CardFile
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.family import Family
from stream_infer_ros.inference.decoders.grid_families import GRID_FAMILIES
from stream_infer_ros.inference.decoders.set_families import SET_FAMILIES
from stream_infer_ros.inference.input_packing import AS_THEY_ARE
from stream_infer_ros.inference.model_card import ModelCard, model_card, said_card
from stream_infer_ros.inference.model_metadata import class_names
from stream_infer_ros.inference.network_io import EngineIo

__all__ = ['DECODERS', 'Family', 'card_of', 'make_decoder', 'model_family']

DECODERS: dict[str, Family] = GRID_FAMILIES | SET_FAMILIES

# Of COCO: where the outputs leave open how many classes there are, they are these.
_USUAL_CLASSES = 80
_NO_BOXES = {'obb': 'turned boxes', 'classify': 'one class for a whole picture'}


def model_family(config: ModelConfig, io: EngineIo) -> str:
    """The family the user named, else the one in the metadata, else the one whose outputs these are.

    Raises ModelError if none can be found, or several, or if the outputs are not of the family named;
    ConfigError on a bad model.card.
    """
    return _family(said_card(config), io)


def card_of(config: ModelConfig, io: EngineIo) -> ModelCard:
    """The card of a network: what the user says, else its metadata, else what is usual for its family.

    Raises ModelError (see `model_family`), ConfigError on a bad model.card or bad class names.
    """
    said = said_card(config)
    usual = DECODERS[_family(said, io)].usual
    if any(tensor.dtype == 'uint8' for tensor in io.inputs):
        usual = replace(usual, normalisation=AS_THEY_ARE)
    return model_card(said, io.metadata, usual)


def make_decoder(config: ModelConfig, io: EngineIo) -> Decoder:
    """The decoder for a network. Raises ModelError (see `model_family`), ConfigError on bad class names."""
    card = card_of(config, io)
    return DECODERS[card.family].make(config, io, card)


def _family(said: CardFile, io: EngineIo) -> str:
    named = said.family if said.family not in (None, 'auto') else io.metadata.get('family', '')
    if not named:
        return _recognised(said, io)
    source = "the network's metadata" if said.family in (None, 'auto') else 'model.family or the card'
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


def _recognised(said: CardFile, io: EngineIo) -> str:
    """The one family whose outputs these can be: by their shapes, then by who exported them and what
    number of classes is known.
    """
    if (task := io.metadata.get('task', '')) in _NO_BOXES:
        raise ModelError(
            f'expected a network that finds boxes, got one whose metadata say task {task!r}, '
            f'{_NO_BOXES[task]}; export one for detection'
        )
    if said.class_names:  # counts as if the file told it
        io = replace(io, metadata={**io.metadata, 'class_names': json.dumps(said.class_names)})
    fitting = {name: family for name, family in DECODERS.items() if family.recognise(io)}
    classes = {name: family.classes(io) for name, family in fitting.items()}
    known = len(class_names(io.metadata))
    candidates = _only(fitting, [name for name, family in fitting.items() if family.claims(io)])
    if known:
        candidates = _only(candidates, [name for name in candidates if classes[name] in (known, None)])
        candidates = _only(candidates, [name for name in candidates if classes[name] == known])
    else:
        candidates = _only(candidates, [name for name in candidates if classes[name] == _USUAL_CLASSES])
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise ModelError(
            f'which family is this network of? Its outputs are {_outputs(io)}, and none of {_families()} has '
            f'such. Set model.family to the one it should be, and you are told what it lacks'
        )
    fits = ' or '.join(_with_classes(name, classes[name]) for name in candidates)
    tells = f'{known} class names are known, which does not tell' if known else 'nothing else tells'
    raise ModelError(
        f'is this network {fits}? Its outputs {_outputs(io)} fit each, and {tells}. {_pixels(candidates)}'
        f'Set model.family, or model.card, or the right class names in model.class_names_file'
    )


def _only(names: Iterable[str], told: list[str]) -> list[str]:
    """Those that something told of; all of them if it told of none."""
    return told or list(names)


def _with_classes(name: str, count: int | None) -> str:
    return name if count is None else f'{name} with {count} {"class" if count == 1 else "classes"}'


def _pixels(names: Iterable[str]) -> str:
    """What families take of a picture, where that is not the same: it may be all that tells them apart."""
    taken = {name: DECODERS[name].usual.normalisation for name in names}
    if len(set(taken.values())) == 1:
        return ''
    told = []
    for name, normalisation in taken.items():
        pixels = '0..255' if normalisation.scale == 1.0 else '0..1'
        told.append(f'{name} takes pixels {pixels}{" less mean over std" if any(normalisation.mean) else ""}')
    return f'{", ".join(told)}. '


def _outputs(io: EngineIo) -> str:
    return '; '.join(str(tensor) for tensor in io.outputs) or 'none'


def _families() -> str:
    return ', '.join(DECODERS)
