"""Model cards on disk: the facts about a network that its file does not contain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.config import ModelFamily
from stream_infer_ros.config.section import Section
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference.letterbox import Fit
from stream_infer_ros.resources import share_directory

Channels = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0.0)]
Size = tuple[Positive, Positive]
Side = Annotated[int, Field(ge=1)]


class CardFile(Section):
    """The keys of a card. Missing keys come from the metadata, or from the default card of the family.

    Error messages quote the description of a key as the expected value.
    """

    family: ModelFamily | None = Field(None, description='a family, see model.family')
    class_names: tuple[str, ...] | str | None = Field(
        None,
        description='a list of names in order of class_id, or a text file beside the card with one per line',
    )
    input_size: tuple[Side, Side] | None = Field(
        None, description='[height, width] in pixels, for a network with a dynamic input size'
    )
    colour: ColourOrder | None = Field(None, description='rgb or bgr')
    scale: Positive | None = Field(None, description='a number above 0 by which pixels 0..255 are multiplied')
    mean: Channels | None = Field(
        None, description='three numbers, one per channel, that are subtracted from the scaled pixels'
    )
    std: tuple[Positive, Positive, Positive] | None = Field(
        None, description='three numbers above 0, one per channel, by which the result is divided'
    )
    fit: Fit | None = Field(None, description='letterbox, corner or stretch')
    padding: Annotated[int, Field(ge=0, le=255)] | None = Field(None, description='a grey value 0..255')
    strides: tuple[Annotated[int, Field(ge=1, le=128)], ...] | None = Field(
        None, description='a list with the stride of each output grid in pixels, e.g. [8, 16, 32]'
    )
    anchors: tuple[tuple[Size, ...], ...] | None = Field(
        None, description='a list of anchors for each stride, each [width, height] in pixels'
    )
    background: Annotated[int, Field(ge=0)] | None = Field(
        None, description='the class_id that means "no object"'
    )
    ground_classes: tuple[str, ...] | None = Field(
        None, description='a list of the class names that are drivable ground, for segmentation'
    )
    boxes_output: str | None = Field(
        None,
        description='the name of the output with the boxes, for a boxes_by_cell network with four classes',
    )
    box_coding: Literal['corners', 'centre_size'] | None = Field(
        None, description='corners or centre_size, for a boxes_by_cell network whose values do not show it'
    )
    source: str = Field('', description='a text: where the network comes from')


def read_card(card: str) -> CardFile:
    """Read the card with this name from config/models, or a YAML file, with the class names as a list.

    Raises ConfigError if there is no such card, or if it is malformed.
    """
    path = _path(card)
    try:
        settings = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(
            f'cannot read model card {path}: {error.strerror}; check model.card, a file or one of '
            f'{", ".join(shipped_cards())}'
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f'model card {path}: expected YAML, got {str(error).splitlines()[0]}; correct it'
        ) from error
    if not isinstance(settings, dict):
        raise ConfigError(
            f'model card {path}: expected keys of {", ".join(CardFile.model_fields)}, '
            f'got {type(settings).__name__}; write one `key: value` per line'
        )
    try:
        parsed = parse_card(settings)
    except ValueError as error:
        raise ConfigError(f'model card {path}: {error}; correct the card') from error
    if isinstance(parsed.class_names, str):
        names = read_class_names(path.parent / parsed.class_names, f'class_names in model card {path}')
        parsed = parsed.model_copy(update={'class_names': names})
    return parsed


def parse_card(settings: dict[str, Any]) -> CardFile:
    """Return the parsed card. Raises ValueError with the expected and the given value of each bad key."""
    try:
        return CardFile.model_validate(settings)
    except ValidationError as error:
        problems = {str(details['loc'][0]): None for details in error.errors() if details['loc']}
        raise ValueError('; '.join(_problem(key, settings.get(key)) for key in problems)) from error


def read_class_names(path: Path, setting: str) -> tuple[str, ...]:
    """Read class names from a text file with one name per line.

    Raises ConfigError with the name of the `setting` that the file comes from.
    """
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f'expected class names in {path}, one per line, cannot read it ({error}); check {setting}'
        ) from error
    return tuple(line.strip() for line in lines if line.strip())


def shipped_cards() -> list[str]:
    """Return the names of the cards in config/models."""
    return sorted(path.stem for path in _shipped_folder().glob('*.yaml'))


def _problem(key: str, value: Any) -> str:
    field = CardFile.model_fields.get(key)
    if field is None:
        return f'expected keys of {", ".join(CardFile.model_fields)}, got {key!r}'
    return f'{key}: expected {field.description}, got {value!r}'


def _path(card: str) -> Path:
    if '/' in card or card.endswith(('.yaml', '.yml')):
        return Path(card).expanduser()
    return _shipped_folder() / f'{card}.yaml'


def _shipped_folder() -> Path:
    return share_directory() / 'config' / 'models'
