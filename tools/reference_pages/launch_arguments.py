"""The reference page of the launch arguments, made by running the launch files.

The launch files import `launch` and `launch_ros`, which exist only where a ROS 2 is installed. Stand-ins for
both record the arguments that a launch file declares and the launch files that it includes.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

LAUNCH = Path(__file__).resolve().parents[2] / 'launch'
# The order of the page: what most users start comes first.
FILES = ('stream_infer.launch.py', 'demo.launch.py', 'replay.launch.py')
MODULES = (
    'launch',
    'launch.actions',
    'launch.conditions',
    'launch.event_handlers',
    'launch.events.process',
    'launch.launch_description_sources',
    'launch.substitutions',
    'launch.utilities.type_utils',
    'launch_ros.actions',
    'launch_ros.event_handlers',
    'launch_ros.parameter_descriptions',
    'launch_ros.substitutions',
)
HEAD = """# Launch arguments

Write arguments as `name:=value`, as in `ros2 launch stream_infer_ros stream_infer.launch.py bound_ms:=80.0`.
Add `--show-args` to print the arguments of a launch file. If an argument without a default is left empty, the
value in the parameter file applies, and otherwise the default of the node.

This page is generated from the launch files.
"""


@dataclass(frozen=True, slots=True)
class Argument:
    """A declared launch argument; `default` is None if a value is required."""

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A launch file that another one includes.

    Attributes:
        name: of the included file; it lies in the same folder.
        fixed: arguments that the including file sets; users cannot choose them.
    """

    name: str
    fixed: dict[str, str]


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """What one launch file declares.

    Attributes:
        summary: the first sentence of its docstring.
        arguments: in the order of declaration, without those of included files.
    """

    summary: str
    arguments: list[Argument]
    inclusions: list[Inclusion]

    def accepted(self) -> set[str]:
        """Return the names of all arguments that a user can set, those of included files among them."""
        names = {argument.name for argument in self.arguments}
        for inclusion in self.inclusions:
            names |= read_launch_file(LAUNCH / inclusion.name).accepted() - inclusion.fixed.keys()
        return names


def launch_arguments_page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    for name in FILES:
        file = read_launch_file(LAUNCH / name)
        rows = [_row(argument) for argument in file.arguments]
        parts.append(f'## {name}\n\n{file.summary}\n')
        parts.append('\n'.join(['| argument | default | description |', '| --- | --- | --- |', *rows]) + '\n')
        for inclusion in file.inclusions:
            anchor = inclusion.name.replace('.', '')
            words = f'`{name}` also accepts the arguments of [{inclusion.name}](#{anchor}).'
            if inclusion.fixed:
                fixed = ' and '.join(f'`{argument}:={value}`' for argument, value in inclusion.fixed.items())
                words += f' It always sets {fixed}.'
            parts.append(f'{words}\n')
    return '\n'.join(parts)


def read_launch_file(path: Path) -> LaunchFile:
    """Run `generate_launch_description` of a launch file with stand-ins for ROS."""
    modules: dict[str, Any] = {name: MagicMock(name=name) for name in MODULES}
    modules['launch'].LaunchDescription = list
    modules['launch.actions'].DeclareLaunchArgument = _argument
    modules['launch.actions'].IncludeLaunchDescription = _inclusion
    modules['launch.launch_description_sources'].PythonLaunchDescriptionSource = Path
    modules['launch.substitutions'].PathJoinSubstitution = _joined
    with patch.dict(sys.modules, modules):
        loaded = runpy.run_path(str(path))
        declared = loaded['generate_launch_description']()
    return LaunchFile(
        _summary(loaded['__doc__']),
        [entity for entity in declared if isinstance(entity, Argument)],
        [entity for entity in declared if isinstance(entity, Inclusion)],
    )


def _argument(
    name: str, *, default_value: Any = None, description: str = '', choices: Iterable[str] = ()
) -> Argument:
    return Argument(name, None if default_value is None else str(default_value), description, tuple(choices))


def _inclusion(source: Path, launch_arguments: Iterable[tuple[str, str]] = ()) -> Inclusion:
    return Inclusion(source.name, dict(launch_arguments))


def _joined(parts: list[Any]) -> str:
    """Return the path below the share folder of the package, which comes first."""
    return '/'.join(str(part) for part in parts[1:])


def _summary(docstring: str) -> str:
    """Return the first line of a docstring without the command that may follow it."""
    return docstring.splitlines()[0].partition(': `')[0].rstrip('.') + '.'


def _row(argument: Argument) -> str:
    default = 'required' if argument.default is None else f'`{argument.default}`' if argument.default else ''
    choices = f' One of {", ".join(argument.choices)}.' if argument.choices else ''
    return f'| `{argument.name}` | {default} | {argument.description}{choices} |'
