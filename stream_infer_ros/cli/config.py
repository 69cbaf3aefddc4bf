"""`stream_infer config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream_infer_ros.config import load_config
from stream_infer_ros.config.reference import commented_yaml, markdown


def config(
    check: Annotated[
        Path | None, typer.Option(help='Check a parameter file. Prints nothing if it is valid.')
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option('--markdown', help='Print docs/reference/parameters.md.')
    ] = False,
) -> None:
    """Print all settings with their defaults as a ROS 2 parameter file."""
    if check is not None:
        load_config(check)
    else:
        typer.echo(markdown() if as_markdown else commented_yaml(), nl=False)
