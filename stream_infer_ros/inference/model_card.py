"""What must be known of a network beside its tensors: how pictures go in, and what its classes are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ConfigError, ModelError
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, Normalisation
from stream_infer_ros.inference.letterbox import Fit

_ORDERS: tuple[ColourOrder, ...] = ('rgb', 'bgr')


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
    """

    family: str
    class_names: tuple[str, ...] = ()
    colour: ColourOrder = 'rgb'
    normalisation: Normalisation = AS_THEY_ARE
    fit: Fit = 'letterbox'
    padding: int = 114


def model_card(config: ModelConfig, metadata: Mapping[str, str], usual: ModelCard) -> ModelCard:
    """What the user says, else what the metadata say, else what is usual for the family.

    Metadata: `class_names` between commas, `input_colour` rgb or bgr.
    Raises ConfigError or ModelError where one of them cannot be made sense of.
    """
    if config.class_names_file:
        names = _read_names(Path(config.class_names_file))
    else:
        names = tuple(name.strip() for name in metadata.get('class_names', '').split(',') if name.strip())
    colour = _colour(metadata.get('input_colour', usual.colour))
    return replace(usual, class_names=names or usual.class_names, colour=colour)


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
            f'got {len(card.class_names)}; use the list the network was trained with'
        )
    raise ModelError(
        f"expected {count} names in the network's metadata or card, got {len(card.class_names)}; "
        f'set model.class_names_file'
    )


def _colour(colour: str) -> ColourOrder:
    for order in _ORDERS:
        if colour == order:
            return order
    raise ModelError(
        f'expected metadata input_colour of {" or ".join(_ORDERS)}, got {colour!r}; correct the metadata'
    )


def _read_names(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f'expected class names in {path}, one a line, cannot read it ({error}); '
            f'check model.class_names_file'
        ) from error
    return tuple(line.strip() for line in lines if line.strip())
