"""Command line options that stand for settings, generated from the configuration tree.

The type, the range, the choices and the help of such an option come from its setting.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from stream_infer_ros.config import Config, Section, load_config, parse_section
from stream_infer_ros.config.reference import Setting, settings

AnySection = TypeVar('AnySection', bound=Section)
Command = Callable[..., None]

PARAMETER_FILE = 'Parameter file, as printed by `stream_infer config`. Other options take precedence over it.'

# An option is named after the last part of its setting's path, with these exceptions.
_NAMES = {
    'model.file': 'model',
    'model.class_names_file': 'class-names',
    'engine.kind': 'engine',
    'engine.tensorrt.compute_capabilities': 'compute-capability',
    'graph.kind': 'graph',
}
_HELP = {
    'cameras': 'Camera names, separated by commas. If there are none, every image topic found is a camera.',
    'engine.tensorrt.compute_capabilities': 'Compute capability of a GPU to build for, e.g. 8.9 '
    '(tensorrt_rtx only). The option may be repeated. Without it, the plan is built for the GPU of this '
    'machine.',
}
_PATHS = ('model.file', 'model.class_names_file', 'engine.cache_dir')
_TYPES: dict[str, Any] = {
    'bool': bool,
    'integer': int,
    'double': float,
    'string': str,
    'string array': list[str],
}


def option(path: str, tree: type[Section] = Config, in_range: bool = False, **changes: Any) -> Any:
    """Return the typer option of the setting at the dotted `path`.

    Args:
        in_range: refuse values outside the setting's range as a usage error.
        changes: arguments of `typer.Option` to use instead of the generated ones.
    """
    setting = _setting(tree, path)
    name = _NAMES.get(path, path.rpartition('.')[2].replace('_', '-'))
    flag = f'--{name}/--no-{name}' if setting.type_name == 'bool' else f'--{name}'
    text = _HELP.get(path, setting.description) if tree is Config else setting.description
    limits = {'min': setting.least, 'max': setting.most} if in_range else {}
    return typer.Option(flag, **{'help': text, **limits, **changes})


def with_config(parameter: str, *paths: str, file_help: str = PARAMETER_FILE) -> Callable[[Command], Command]:
    """Decorate a command whose `parameter` is a Config: replace it by --config and the options of `paths`.

    An option that is not given leaves the value of the file. Raises ConfigError for a wrong value.
    """
    file = ('config', Annotated[Path | None, typer.Option('--config', help=file_help)], None)
    chosen = [(path, Annotated[_type(Config, path) | None, option(path)], None) for path in paths]

    def parse(given: dict[str, Any]) -> Config:
        named = given.pop('config')
        return changed(load_config(named) if named else Config(), given)

    return _replace(parameter, [file, *chosen], parse)


def with_section(parameter: str, section: type[AnySection], *paths: str) -> Callable[[Command], Command]:
    """Decorate a command whose `parameter` is a section: replace it by options, with the section's defaults.

    Args:
        paths: the settings that have an option; all settings of the section if there are none.
    """
    chosen = []
    for path in paths or [setting.name for setting in settings(section)]:
        default = None if path in _PATHS else _setting(section, path).default
        kind = _type(section, path) | None if path in _PATHS else _type(section, path)
        chosen.append((path, Annotated[kind, option(path, section, in_range=True)], default))
    return _replace(parameter, chosen, lambda given: changed(section(), given))


def changed(section: AnySection, values: Mapping[str, Any]) -> AnySection:
    """Return the section with these values, by dotted path. None leaves a setting as it is.

    Raises:
        ConfigError: a value is wrong.
    """
    tree = section.model_dump()
    for path, value in values.items():
        if value is None:
            continue
        *branches, leaf = path.split('.')
        branch = tree
        for name in branches:
            branch = branch[name]
        branch[leaf] = str(value) if isinstance(value, Path) else value
    return parse_section(type(section), tree, 'command line')


def _replace(
    parameter: str, options: list[tuple[str, Any, Any]], parse: Callable[[dict[str, Any]], Section]
) -> Callable[[Command], Command]:
    """Return a decorator that replaces a parameter by options, given as (path, annotation, default)."""
    paths = {path.replace('.', '_'): path for path, _, _ in options}

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for own in signature.parameters.values():
            if own.name != parameter:
                parameters.append(own.replace(kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            for path, annotation, default in options:
                name = path.replace('.', '_')
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters.append(inspect.Parameter(name, kind, default=default, annotation=annotation))

        @wraps(command)
        def run(**given: Any) -> None:
            values = {path: _value(path, given.pop(name)) for name, path in paths.items()}
            command(**given, **{parameter: parse(values)})

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {own.name: own.annotation for own in parameters}
        return run

    return decorate


def _value(path: str, given: Any) -> Any:
    if path == 'cameras' and isinstance(given, str):
        return [name.strip() for name in given.split(',')] if given else None
    return tuple(given) or None if isinstance(given, list) else given


def _setting(tree: type[Section], path: str) -> Setting:
    return next(setting for setting in settings(tree) if setting.name == path)


def _type(tree: type[Section], path: str) -> Any:
    setting = _setting(tree, path)
    if setting.choices:
        return Literal[setting.choices]
    if path in _PATHS:
        return Path
    return str if path == 'cameras' and setting.type_name == 'string array' else _TYPES[setting.type_name]
