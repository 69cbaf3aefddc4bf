"""Everything about a network beside its tensors: its preprocessing and the names of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference.card_file import CardFile, read_card, read_class_names
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, Normalisation
from stream_infer_ros.inference.letterbox import Fit
from stream_infer_ros.inference.model_metadata import card_from_metadata

# (width, height) of each anchor of one output grid, network pixels.
Anchors = tuple[tuple[float, float], ...]

# The usual preprocessing of pixels 0..255: to 0..1, and with the mean and standard deviation of ImageNet.
UNIT = Normalisation(scale=1 / 255)
IMAGENET = Normalisation(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The card of one network.

    Attributes:
        family: model family, which has a decoder.
        class_names: in order of class_id; empty if unknown.
        colour: channel order of the input.
        normalisation: of the pixels.
        fit: how a picture of another shape is fitted into the input.
        padding: grey value of the padding.
        strides: size of a cell of each output grid, network pixels; empty if the decoder finds it out.
        anchors: for each stride; empty if unknown.
        background: class_id of the named class that means "no object"; None if there is none.
        ground_classes: names of the classes that are drivable ground. If empty, usual names such as "road"
            and "floor" are taken.
        boxes_output: name of the output with the boxes; None if the decoder finds it out.
        box_coding: meaning of the four values of a box; None if the decoder finds it out.
    """

    family: str
    class_names: tuple[str, ...] = ()
    colour: ColourOrder = 'rgb'
    normalisation: Normalisation = AS_THEY_ARE
    fit: Fit = 'letterbox'
    padding: int = 114
    strides: tuple[int, ...] = ()
    anchors: tuple[Anchors, ...] = ()
    background: int | None = None
    ground_classes: tuple[str, ...] = ()
    boxes_output: str | None = None
    box_coding: Literal['corners', 'centre_size'] | None = None


def user_card(config: ModelConfig) -> CardFile:
    """Return what the user sets: the file of model.card, overridden by model.family and the class names file.

    Raises ConfigError if one of the files cannot be read.
    """
    card = read_card(config.card) if config.card else CardFile()
    settings: dict[str, Any] = {}
    if config.family != 'auto':
        settings['family'] = config.family
    if config.class_names_file:
        settings['class_names'] = read_class_names(Path(config.class_names_file), 'model.class_names_file')
    return card.model_copy(update=settings)


def merged_card(user: CardFile, metadata: Mapping[str, str], default: ModelCard) -> ModelCard:
    """Return the default card of a family, overridden by the metadata, and both overridden by the user.

    Raises ModelError if metadata that are used are malformed.
    """
    card = default
    # Malformed metadata do not matter if the user sets the same key.
    overridden = user.model_dump(exclude_none=True).keys()
    for source in (card_from_metadata(metadata, overridden), user):
        values = source.model_dump(exclude_none=True, exclude={'family', 'source', 'input_size'})
        pixels = {key: values.pop(key) for key in ('scale', 'mean', 'std') if key in values}
        card = replace(card, **values, normalisation=replace(card.normalisation, **pixels))
    return card


def class_names_of(card: ModelCard, config: ModelConfig, count: int | None) -> tuple[str, ...]:
    """Return the class names for outputs with `count` classes, or with an unknown number of classes (None).

    If the card has no names, they are 'class0' and so on.

    Raises ConfigError or ModelError if the card has another number of names, or if neither the card nor the
    outputs say how many classes there are.
    """
    if not card.class_names and count is None:
        raise ModelError(
            f'what are the class names of this {card.family} network? Its outputs do not say how many there '
            f'are; set model.class_names_file to a file with one name per line, or list them in the '
            f'model card'
        )
    if not card.class_names:
        return tuple(f'class{index}' for index in range(count or 0))
    if count in (None, len(card.class_names)):
        return card.class_names
    if config.class_names_file:
        raise ConfigError(
            f'expected {count} names in model.class_names_file {config.class_names_file}, one per line, '
            f'got {len(card.class_names)}; use the list that the network was trained with, or set '
            f'model.family if the network is not {card.family}'
        )
    source = f'model.card {config.card}' if config.card else "the network's metadata"
    raise ModelError(
        f'expected {count} class names in {source}, got {len(card.class_names)}; set model.class_names_file '
        f'to the list that the network was trained with, or model.family if the network is not {card.family}'
    )
