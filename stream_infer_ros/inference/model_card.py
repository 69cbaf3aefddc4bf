"""What must be known of a network beside its tensors: how pictures go in, and what its classes are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference.card_file import CardFile, read_card, read_class_names
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, Normalisation
from stream_infer_ros.inference.letterbox import Fit
from stream_infer_ros.inference.model_metadata import card_from_metadata

# Of one grid of the outputs: (width, height) of each, network pixels.
Anchors = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One network's.

    Attributes:
        family: of its decoder; a key of `DECODERS`.
        class_names: in order of class_id; empty where nobody tells.
        colour: channel order of its input.
        normalisation: of its pixels.
        fit: of pictures of another shape.
        padding: grey value around them.
        strides: network pixels of a cell in each grid of the outputs; empty: the decoder finds out.
        anchors: for each stride; empty where nobody tells.
        background: class_id, among the names, that means that there is nothing; None if there is none.
        ground_classes: of the class names those that are ground to drive on; empty: those that are called so.
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


def said_card(config: ModelConfig) -> CardFile:
    """What the user says: the card file, and over it model.family and model.class_names_file.

    Raises ConfigError where one of them cannot be read.
    """
    said = read_card(config.card) if config.card else CardFile()
    over: dict[str, Any] = {}
    if config.family != 'auto':
        over['family'] = config.family
    if config.class_names_file:
        over['class_names'] = read_class_names(Path(config.class_names_file), 'model.class_names_file')
    return said.model_copy(update=over)


def model_card(said: CardFile, metadata: Mapping[str, str], usual: ModelCard) -> ModelCard:
    """What the user says, else what the metadata say, else what is usual for the family.

    Raises ModelError where the metadata cannot be made sense of.
    """
    card = usual
    # Metadata that make no sense do no harm where the user says better.
    settled = said.model_dump(exclude_none=True).keys()
    for source in (card_from_metadata(metadata, settled), said):
        told = source.model_dump(exclude_none=True, exclude={'family', 'source', 'input_size'})
        pixels = {key: told.pop(key) for key in ('scale', 'mean', 'std') if key in told}
        card = replace(card, **told, normalisation=replace(card.normalisation, **pixels))
    return card


def names_of_classes(card: ModelCard, config: ModelConfig, count: int) -> tuple[str, ...]:
    """As many names as the outputs have classes: the card's, else 'class0' and so on.

    Raises ConfigError or ModelError if the card names another number of classes.
    """
    if not card.class_names:
        return tuple(f'class{index}' for index in range(count))
    if len(card.class_names) == count:
        return card.class_names
    if config.class_names_file:
        raise ConfigError(
            f'expected {count} names in model.class_names_file {config.class_names_file}, one a line, '
            f'got {len(card.class_names)}; use the list the network was trained with, or set model.family if '
            f'it is not {card.family}'
        )
    source = f'model.card {config.card}' if config.card else "the network's metadata"
    raise ModelError(
        f'expected {count} class names in {source}, got {len(card.class_names)}; set model.class_names_file '
        f'to the list the network was trained with, or model.family if it is not {card.family}'
    )
