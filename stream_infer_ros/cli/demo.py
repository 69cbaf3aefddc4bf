"""`stream_infer demo`."""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from stream_infer_ros.cli.setting_options import option
from stream_infer_ros.cli.stopping import GRACE_S, stop_on_signal
from stream_infer_ros.config import EngineKind, WireKind
from stream_infer_ros.demo.load import LOADS, Load, LoadChoice, TrialCosts, choose_load
from stream_infer_ros.demo.load_trial import LoadTrial
from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.report import write_report
from stream_infer_ros.demo.scoring import score_run
from stream_infer_ros.demo.session import DemoRun, demo_config, run_demo
from stream_infer_ros.demo.summary import set_figures, summarise
from stream_infer_ros.demo.verdict import judge
from stream_infer_ros.graph import wire_here
from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.report.live_table import live_table

REPORT_FILES = ('report.html', 'map.png', 'report.json')


def demo(
    seconds: Annotated[float, typer.Option(min=1.0, help='Seconds during which the cameras stream.')] = 30.0,
    cameras: Annotated[
        int | None, typer.Option(min=1, max=12, help='Number of cameras. For the default see above.')
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.5, max=60.0, help='Images per second of each camera. For the default see above.'),
    ] = None,
    bound_ms: Annotated[float, option('bound_ms', min=1.0)] = 100.0,
    seed: Annotated[int, typer.Option(min=0, help='Seed of the simulated world.')] = 1,
    engine: Annotated[EngineKind, option('engine.kind')] = 'auto',
    out: Annotated[Path, typer.Option(help='Folder for the report.')] = Path('demo_report'),
    graph_kind: Annotated[
        WireKind | None,
        typer.Option('--graph', help='Middleware. By default dds, or zenoh if dds is not installed.'),
    ] = None,
    domain_id: Annotated[
        int | None, typer.Option(help='ROS domain. By default, it depends on the process.', min=0, max=232)
    ] = None,
) -> None:
    """Turn the images of simulated cameras into detections and one map, over loopback, and write a report.

    A trial of a few seconds finds the largest load that this machine can process at the moment: 6 cameras at
    10 Hz, 6 at 5 Hz, 4 at 5 Hz or 2 at 5 Hz. With --cameras or --rate there is no trial; the other one
    defaults to 6 cameras or 10 Hz.

    The exit code is 0 if at least 98 % of the expected sets were published, at most 2 % were partial and
    p99 of the latency, over all expected sets, was inside the bound. It is also 0 after Ctrl-C.
    """
    domain = 60 + os.getpid() % 40 if domain_id is None else domain_id
    wire = graph_kind or wire_here()
    forced = cameras is not None or rate is not None
    load = Load(cameras or LOADS[0].cameras, rate or LOADS[0].rate_hz)
    options = DemoOptions(seconds, load, bound_ms, seed, out, engine, domain, wire)
    console = Console(highlight=False)
    recording = _fresh_folder(out)
    with (
        stop_on_signal(grace_s=GRACE_S) as stop,
        Network(demo_config(options)) as network,
    ):
        if not forced:
            choice = _choose_load(options, network, stop, console)
            options = replace(options, load=choice.load)
            if choice.message() and not stop.is_set():
                console.print(f'[yellow]{choice.message()}[/]', soft_wrap=True)
        run = None if stop.is_set() else _run(options, network, recording, stop, console)
    if run is None:
        console.print('stopped before the end: no report was written')
        return
    console.print('scoring against the world ...')
    sets = set_figures(options, run)
    scores = score_run(options, run.recorder, run.epoch_ns)
    summary = summarise(options, run, sets, scores)
    verdict = judge(options.load, sets, bound_ms)
    write_report(out, summary, verdict, run, scores)
    console.print(_table(summary))
    for line in verdict.lines():
        console.print(f'[bold {"green" if verdict.passed else "red"}]{escape(line)}[/]', soft_wrap=True)
    written = [str(out / name) for name in REPORT_FILES if (out / name).is_file()]
    console.print(escape(f'written: {", ".join(written)}, {recording}'), soft_wrap=True)
    raise typer.Exit(0 if verdict.passed else 1)


def _choose_load(
    options: DemoOptions, network: Network, stop: threading.Event, console: Console
) -> LoadChoice:
    with (
        console.status('measuring what this machine can process at the moment ...'),
        LoadTrial(network, options.seed, options.bound_ms) as trial,
    ):

        def measure(load: Load) -> TrialCosts:
            # After Ctrl-C, the first load in question ends the choice.
            return TrialCosts(0.0, 0.0, math.inf) if stop.is_set() else trial.measure(load)

        return choose_load(measure, options.bound_ms)


def _run(
    options: DemoOptions, network: Network, recording: Path, stop: threading.Event, console: Console
) -> DemoRun | None:
    console.print(
        f'{options.load}, 640x480, for {options.seconds:g} s, seed {options.seed}, '
        f'bound {options.bound_ms:g} ms'
    )
    with Live(console=console, refresh_per_second=4) as live:

        def on_tick(assembly: Assembly, now_ns: int, epoch_ns: int) -> None:
            live.update(live_table(assembly, now_ns, max(0.0, (now_ns - epoch_ns) / 1e9)))

        return run_demo(options, network, recording, on_tick, stop)


def _fresh_folder(out: Path) -> Path:
    """Make the report folder, delete the files of an earlier demo, and return the path of the recording."""
    out.mkdir(parents=True, exist_ok=True)
    recording = out / 'result.mcap'
    for name in (*REPORT_FILES, recording.name):
        (out / name).unlink(missing_ok=True)
    # An incomplete recording, if an earlier demo was killed.
    shutil.rmtree(out / f'.{recording.stem}.part', ignore_errors=True)
    return recording


def _table(summary: dict[str, Any]) -> Table:
    table = Table(show_header=False)
    for name, value in summary.items():
        if isinstance(value, dict) and value:
            table.add_row(name, '  '.join(f'{key} {_short(inner)}' for key, inner in value.items()))
    return table


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps({k: round(v, 1) for k, v in value.items()}).replace('"', '')
    if value is None:
        return 'never'
    return f'{value:.3g}' if isinstance(value, float) else str(value)
