"""`stream_infer engines`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines import EngineSpec, choose_engine, registry
from stream_infer_ros.resources import default_model


def engines(
    model: Annotated[Path | None, typer.Option(help='Model file for which `auto` chooses an engine.')] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print JSON.')] = False,
) -> None:
    """Show which inference engines work on this machine, why others do not, and how to install them."""
    all_found = {kind: find() for kind, find in registry.FINDERS.items()}
    try:
        file = model or default_model()
        choice = choose_engine(EngineSpec(EngineConfig(), file)) if file.is_file() else None
        chosen = choice.kind if choice else registry.automatic_kind(EngineConfig(), file)
        words = f'engine.kind auto uses {chosen} for {file.name}'
        words += f' ({choice.words})' if choice and choice.words else ''
    except (EngineError, ModelError) as error:
        chosen, words = '', str(error)
    if as_json:
        typer.echo(json.dumps({'auto': chosen, 'engines': {k: asdict(v) for k, v in all_found.items()}}))
        return
    table = Table()
    for column in ('engine', 'works', 'found', 'how to get it'):
        table.add_column(column, overflow='fold')
    for kind, found in all_found.items():
        works = '[green]yes[/]' if found.works else '[yellow]no[/]'
        what = '; '.join(part for part in (found.found, found.problem) if part)
        table.add_row(kind, works, escape(what), escape(found.remedy))
    Console().print(table)
    Console(soft_wrap=True).print(escape(words), highlight=False)
