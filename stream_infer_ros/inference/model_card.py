"""What a network's metadata says for its decoder: family, class names, channel order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stream_infer_ros.cameras.encodings import ColourOrder
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ConfigError, ModelError

_ORDERS: tuple[ColourOrder, ...] = ('rgb', 'bgr')


def class_names(
    config: ModelConfig, metadata: Mapping[str, str], count: int | None = None
) -> tuple[str, ...]:
    """Names of the classes: from the file the user named, else from the metadata, else 'class0' and so on.

    Args:
        config: `class_names_file` may name a text file, one name a line.
        metadata: the network's; 'class_names' holds names between commas.
        count: how many classes the outputs have, None if they don't say.

    Raises ConfigError or ModelError if the names are unreadable, or not as many as the classes.
    """
    if config.class_names_file:
        names = _read_names(Path(config.class_names_file))
        if count is not None and len(names) != count:
            raise ConfigError(
                f'expected {count} names in model.class_names_file {config.class_names_file}, one a line, '
                f'got {len(names)}; use the list the network was trained with'
            )
        return names
    names = tuple(name.strip() for name in metadata.get('class_names', '').split(',') if name.strip())
    if not names:
        return tuple(f'class{index}' for index in range(count or 0))
    if count is not None and len(names) != count:
        raise ModelError(
            f"expected {count} names in the network's metadata class_names, got {len(names)}; "
            f'set model.class_names_file'
        )
    return names


def input_colour(metadata: Mapping[str, str], default: ColourOrder) -> ColourOrder:
    """Channel order the network was trained on, from metadata 'input_colour'.

    Raises ModelError if it is neither.
    """
    colour = metadata.get('input_colour', default)
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
