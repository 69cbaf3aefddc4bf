"""The reference page of the command `stream_infer`, made by Typer from its commands."""

from __future__ import annotations

import re
import subprocess
import sys

HEAD = """# Command line

The package installs one command, `stream_infer`. In a ROS workspace, run it as
`ros2 run stream_infer_ros stream_infer`. Options of `run` and `replay` that have the name of a parameter take
precedence over the parameter file; [Parameters](parameters.md) describes them in full.

This page is generated from the command line parsers. `stream_infer --help` and `stream_infer COMMAND --help`
print the same texts.
"""


def command_line_page() -> str:
    """Return the page as Markdown."""
    typer = [sys.executable, '-m', 'typer', 'stream_infer_ros.cli.app', 'utils', 'docs']
    made = subprocess.run([*typer, '--name', 'stream_infer'], capture_output=True, text=True, check=True)
    # The part before the first command describes `stream_infer` itself, with descriptions cut short.
    commands = made.stdout.partition('\n## ')[2]
    # Every command has this option.
    commands = re.sub(r'^\* `(-h, )?--help`.*\n', '', commands, flags=re.MULTILINE)
    # A command without other options would keep an empty list.
    commands = re.sub(r'^\*\*Options\*\*:\n\n+(?=#|\Z)', '', commands, flags=re.MULTILINE)
    return f'{HEAD}\n## {commands.strip()}\n'
