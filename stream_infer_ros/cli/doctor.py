"""`stream_infer doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stream_infer_ros.cli.setting_options import with_config
from stream_infer_ros.cli.stopping import stop_on_signal
from stream_infer_ros.config import Config
from stream_infer_ros.doctor import Examination, examine_live, examine_recording
from stream_infer_ros.doctor.report import json_report, text_report

LIVE_S, RECORDING_S = 5.0, 60.0


@with_config(
    'settings',
    'cameras',
    'model.file',
    'model.family',
    'model.card',
    'model.class_names_file',
    'engine.kind',
    'bound_ms',
    'graph.kind',
    'graph.domain_id',
    'graph.loopback',
)
def doctor(
    settings: Config,
    bag: Annotated[
        Path | None,
        typer.Argument(help='Recording to examine instead of the live graph: a folder or a file.'),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            show_default=False,
            help='Duration of the observation: 5 s of the live graph, or the first 60 s of a recording.',
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option('--json', help='Print the report as JSON.')] = False,
) -> None:
    """Examine cameras, transforms, clocks, middleware, model and machine, and say what is wrong.

    Nothing is published. Findings come worst first, each with its remedy. The exit code is 0 if nothing is
    wrong, and 1 if there is an error or a warning; notes do not count.
    """
    if bag is not None:
        result = examine_recording(bag, settings, RECORDING_S if seconds is None else seconds)
    else:
        with stop_on_signal() as stop:
            result = examine_live(settings, LIVE_S if seconds is None else seconds, stop.wait)
    _print(result, as_json)
    raise typer.Exit(0 if result.ok else 1)


def _print(result: Examination, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(json_report(result), indent=1))
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in text_report(result):
        console.print(line)
