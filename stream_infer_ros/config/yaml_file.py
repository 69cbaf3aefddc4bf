"""Read the configuration from a ROS 2 parameter file."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from stream_infer_ros.config.section import Section
from stream_infer_ros.config.tree import Config
from stream_infer_ros.errors import ConfigError

PARAMETERS = 'ros__parameters'
AnySection = TypeVar('AnySection', bound=Section)


def load_config(path: Path, node_name: str = 'stream_infer') -> Config:
    """Read a parameter file (`ros__parameters` under `/**` or the node name), or a file with the tree alone.

    If several sections match the node, each key is taken from the last section that has it, as in ROS 2.

    Raises:
        ConfigError: the file is missing or not valid YAML, or a setting is unknown or out of range.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(
            f'cannot read configuration {path}: {error.strerror}; check the path after --config'
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path} is not valid YAML: {str(error).splitlines()[0]}') from error
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise ConfigError(f'{path}: expected a mapping of settings, got {type(document).__name__}')
    return parse_config(_parameters(document, node_name, str(path)), str(path))


def parse_config(settings: dict[str, Any], source: str) -> Config:
    """Return the checked settings; `source` names their origin in errors. Raises ConfigError."""
    return parse_section(Config, settings, source)


def parse_section(section: type[AnySection], settings: dict[str, Any], source: str) -> AnySection:
    """Return the checked settings of another tree, or of a part of this one. Raises ConfigError."""
    try:
        return section.model_validate(_nested(settings))
    except ValidationError as error:
        problems = '; '.join(_problem(details) for details in error.errors())
        raise ConfigError(f'{source}: {problems} (`stream_infer config` prints all settings)') from error


def _parameters(document: dict[str, Any], node_name: str, source: str) -> dict[str, Any]:
    sections = {
        str(name): value[PARAMETERS]
        for name, value in document.items()
        if isinstance(value, dict) and PARAMETERS in value
    }
    if not sections:
        return document
    merged: dict[str, Any] = {}
    for name, section in sections.items():
        if name == '/**' or name.strip('/').split('/')[-1] == node_name:
            if not isinstance(section, (dict, NoneType)):
                raise ConfigError(
                    f'{source}: {name}: expected a mapping of settings under {PARAMETERS}, '
                    f'got {type(section).__name__}; `stream_infer config` prints an example'
                )
            merged = _merge(merged, _nested(section or {}))
    return merged


def _nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the tree with dotted keys ('sync.slop_ms') split into branches, as in ROS 2."""
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *branches, leaf = str(key).split('.')
        inner = _nested(value) if isinstance(value, dict) else value
        for branch in reversed([*branches, leaf]):
            inner = {branch: inner}
        tree = _merge(tree, inner)
    return tree


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _problem(details: Any) -> str:
    where = '.'.join(map(str, details['loc'])) or 'settings'
    if details['type'] == 'extra_forbidden':
        return f'there is no setting {where}'
    return f'{where}: {details["msg"][0].lower()}{details["msg"][1:]}, got {details["input"]!r}'
