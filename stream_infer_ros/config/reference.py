"""The configuration tree in words: the commented YAML, and docs/parameters.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from stream_infer_ros.config.fusion_tree import FusionConfig
from stream_infer_ros.config.section import Section
from stream_infer_ros.config.tree import Config
from stream_infer_ros.config.world_tree import WorldConfig

# By the node that has them.
TREES: dict[str, type[Section]] = {
    'stream_infer (and `stream_infer run`, `stream_infer replay`)': Config,
    'occupancy_fusion': FusionConfig,
    'camera_world': WorldConfig,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the tree.

    Attributes:
        name: dotted; `camera.<name>.image_topic` where there is one for each camera.
        type_name: as ROS 2 calls it: bool, integer, double, string, string array.
        default: a list where it is a string array.
        limits: range in words, or the choices.
        description: what it does.
        live: whether a running pipeline takes it on.
        least, most: bounds of a number; None where there is none.
        choices: of a string; empty where any will do.
    """

    name: str
    type_name: str
    default: Any
    limits: str
    description: str
    live: bool
    least: float | None
    most: float | None
    choices: tuple[str, ...]


def settings(section: type[Section] = Config, prefix: str = '') -> Iterator[Setting]:
    """Every leaf, in the order of the tree."""
    for name, field in section.model_fields.items():
        branch = field.annotation
        if isinstance(branch, type) and issubclass(branch, Section):
            yield from settings(branch, f'{prefix}{name}.')
            continue
        options = _mapped_section(field)
        if options is not None:
            yield from settings(options, f'{prefix}{name}.<name>.')
            continue
        yield _setting(prefix + name, field)


def commented_yaml() -> str:
    """The whole tree as a ROS 2 parameter file with its defaults, a comment over each setting."""
    lines = ['/**:', '  ros__parameters:']
    branch: list[str] = []
    for setting in settings():
        if '<name>' in setting.name:
            lines += _comment(f'{setting.name} ({setting.type_name}): {setting.description}', 4)
            continue
        *path, leaf = setting.name.split('.')
        if path != branch:
            lines.append('    ' + '  ' * (len(path) - 1) + f'{path[-1]}:')
            branch = path
        indent = 4 + 2 * len(path)
        limits = f' [{setting.limits}]' if setting.limits else ''
        lines += _comment(setting.description + limits, indent)
        lines.append(' ' * indent + f'{leaf}: {_scalar(setting.default)}')
    return '\n'.join(lines) + '\n'


def markdown() -> str:
    """docs/parameters.md."""
    rows = [
        '# Parameters',
        '',
        'Made from the trees in `stream_infer_ros/config/` by `stream_infer config --markdown`.',
        'Those marked live can be changed while a node runs: '
        '`ros2 param set /stream_infer sync.slop_ms 15.0`.',
    ]
    for heading, section in TREES.items():
        rows += ['', f'## {heading}', '', '| name | type | default | range | live | what it does |']
        rows += ['| --- | --- | --- | --- | --- | --- |', *map(_row, settings(section))]
    return '\n'.join(rows) + '\n'


def _row(setting: Setting) -> str:
    live = 'yes' if setting.live else ''
    cells = (setting.type_name, f'`{_scalar(setting.default)}`', setting.limits, live, setting.description)
    return f'| `{setting.name}` | {" | ".join(cells)} |'


def _setting(name: str, field: FieldInfo) -> Setting:
    extra = field.json_schema_extra
    return Setting(
        name,
        _type_name(field),
        _plain(field.default),
        _limits(field),
        field.description or '',
        live=isinstance(extra, dict) and bool(extra.get('live')),
        least=_bound(field, 'ge', 'gt'),
        most=_bound(field, 'le', 'lt'),
        choices=get_args(field.annotation) if get_origin(field.annotation) is Literal else (),
    )


def _bound(field: FieldInfo, *kinds: str) -> float | None:
    found = (getattr(constraint, kind, None) for constraint in field.metadata for kind in kinds)
    return next((bound for bound in found if bound is not None), None)


def _mapped_section(field: FieldInfo) -> type[Section] | None:
    arguments = get_args(field.annotation) if get_origin(field.annotation) is dict else ()
    return arguments[1] if len(arguments) == 2 else None


def _type_name(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return 'string'
    if get_origin(field.annotation) is tuple:
        return 'string array'
    names = {bool: 'bool', int: 'integer', float: 'double', str: 'string'}
    return names[field.annotation]  # type: ignore[index]


def _limits(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ', '.join(get_args(field.annotation))
    signs = {'ge': '>=', 'gt': '>', 'le': '<=', 'lt': '<'}
    limits = [
        f'{sign} {getattr(constraint, name):g}'
        for constraint in field.metadata
        for name, sign in signs.items()
        if getattr(constraint, name, None) is not None
    ]
    return ', '.join(limits)


def _plain(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True)
    return text.removesuffix('...\n').strip()


def _comment(text: str, indent: int) -> list[str]:
    prefix = ' ' * indent + '# '
    return textwrap.wrap(text, 110, initial_indent=prefix, subsequent_indent=prefix)
