"""Reading the metadata of a network's file, as different exporters write them.

- This project: `family`, `class_names` separated by commas, `input_colour`, `input_scale`, `input_mean`,
  `input_std`, `input_fit`, `input_padding`, `anchors`, `strides` as in a model card, and `ground_classes`
  separated by commas.
- Ultralytics: `names` as a Python dictionary, `task`, `stride`, `imgsz`, `author`, `description`, `args`,
  `kpt_shape`, `end2end`, each as str() of the value.
- YOLOv5's own repository: only `names` and `stride`.
- Others: the class names as a list or as JSON; Hugging Face as `id2label`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import yaml

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.card_file import CardFile, parse_card

_NAMES = ('class_names', 'names', 'id2label', 'labels', 'classes')
_CARD_KEYS = {
    'input_colour': 'colour',
    'input_scale': 'scale',
    'input_mean': 'mean',
    'input_std': 'std',
    'input_fit': 'fit',
    'input_padding': 'padding',
    'anchors': 'anchors',
    'strides': 'strides',
    'ground_classes': 'ground_classes',
}
_LONGEST = 1 << 20
_MOST_CLASSES = 100_000


def card_from_metadata(metadata: Mapping[str, str], overridden: Container[str] = ()) -> CardFile:
    """Return the keys of a card that the metadata contain, without the family.

    Keys of the card in `overridden` are skipped. Raises ModelError if the metadata are malformed.
    """
    settings: dict[str, Any] = {}
    for key, name in _CARD_KEYS.items():
        if key in metadata and name not in overridden:
            settings[name] = _value(metadata[key])
    if isinstance(ground := settings.get('ground_classes'), str):
        settings['ground_classes'] = tuple(name.strip() for name in ground.split(',') if name.strip())
    try:
        card = parse_card(settings)
    except ValueError as error:
        raise ModelError(
            f"the network's metadata: {error}; correct the metadata, or set model.card"
        ) from error
    names = () if 'class_names' in overridden else class_names(metadata)
    return card.model_copy(update={'class_names': names or None})


def class_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the class names in order of class_id, or none. Raises ModelError if they are malformed."""
    for key in _NAMES:
        text = metadata.get(key, '').strip()
        if not text:
            continue
        if text[0] not in '[{(':
            return tuple(name.strip() for name in text.replace('\n', ',').split(',') if name.strip())
        try:
            return _names_of(literal(text))
        except ValueError as error:
            raise ModelError(
                f'expected metadata {key} of class names, {{0: name, 1: name}} or a list, got {text[:60]!r} '
                f'({error}); set model.class_names_file'
            ) from error
    return ()


def literal(text: str) -> Any:
    """Return a value that is written in Python or in JSON. Nothing is executed. Raises ValueError."""
    if len(text) > _LONGEST:
        raise ValueError(f'{len(text)} characters')
    # JSON first: Python reads the JSON escape of a character beyond 16 bits as two invalid characters.
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise ValueError(reason)


def metadata_text(value: Any) -> str:
    """Convert a value from JSON or YAML to the text that exporters write into ONNX metadata.

    JSON has converted numeric keys to strings; this undoes it.
    """
    if isinstance(value, dict):
        return str({int(key) if str(key).isdigit() else key: item for key, item in value.items()})
    return value if isinstance(value, str) else str(value)


def metadata_beside(path: Path) -> dict[str, str]:
    """Return the metadata that Ultralytics writes into `metadata.yaml` beside a network; else nothing."""
    beside = path.with_name('metadata.yaml')
    if path.suffix.lower() == '.onnx' or not beside.is_file():
        return {}
    try:
        values = yaml.safe_load(beside.read_text(encoding='utf-8'))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(
            f'expected metadata of {path.name} in {beside}, cannot read it: {str(error).splitlines()[0]}; '
            f'correct or remove it'
        ) from error
    return (
        {str(key): metadata_text(value) for key, value in values.items()} if isinstance(values, dict) else {}
    )


def is_ultralytics(metadata: Mapping[str, str]) -> bool:
    """Return True if Ultralytics' exporter wrote the file, and not that of YOLOv5's own repository."""
    return metadata.get('author') == 'Ultralytics' or {'task', 'names', 'stride'} <= set(metadata)


def selects_boxes(metadata: Mapping[str, str]) -> bool:
    """Return True if Ultralytics' exporter put box selection into the graph: `end2end`, or `nms=True`."""
    if metadata.get('end2end', '').strip().lower() == 'true':
        return True
    try:
        options = literal(metadata.get('args', '') or '{}')
    except ValueError:
        return False
    return isinstance(options, dict) and options.get('nms') is True


def keypoint_channels(metadata: Mapping[str, str]) -> int:
    """Return the number of values that a pose network adds to each box: those of `kpt_shape`, else 0."""
    if 'kpt_shape' not in metadata:
        return 0
    try:
        points, numbers = literal(metadata['kpt_shape'])
        return int(points) * int(numbers)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f'expected metadata kpt_shape of two numbers, got {metadata["kpt_shape"]!r}; correct the metadata'
        ) from error


def _names_of(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        by_id = {int(key): _printable(name) for key, name in value.items()}
        if by_id and not 0 <= min(by_id) <= max(by_id) < _MOST_CLASSES:
            raise ValueError(f'class ids {min(by_id)} to {max(by_id)}')
        # Some lists have gaps: COCO's 80 classes have ids up to 90.
        return tuple(by_id.get(index, f'class{index}') for index in range(max(by_id, default=-1) + 1))
    if isinstance(value, (list, tuple)):
        return tuple(_printable(name) for name in value)
    raise ValueError(f'a {type(value).__name__}')


def _printable(name: object) -> str:
    """Return a name as text that can be encoded in UTF-8, without lone surrogates."""
    return str(name).encode('utf-8', 'replace').decode()


def _value(text: str) -> Any:
    try:
        return literal(text)
    except ValueError:
        return text.strip()
