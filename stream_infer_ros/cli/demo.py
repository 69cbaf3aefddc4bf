"""`stream_infer demo`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from stream_infer_ros.cli.stopping import GRACE_S, stop_on_signal
from stream_infer_ros.config import EngineKind, WireKind
from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.demo.report import write_report
from stream_infer_ros.demo.scoring import score_run
from stream_infer_ros.demo.session import run_demo
from stream_infer_ros.demo.summary import summarise, verdict
from stream_infer_ros.graph import wire_here
from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.report.live_table import live_table

REPORT_FILES = ('report.html', 'map.png', 'report.json')


def demo(
    seconds: Annotated[float, typer.Option(min=1.0, help='How long the cameras stream.')] = 30.0,
    cameras: Annotated[int, typer.Option(min=1, max=12, help='Cameras around the robot.')] = 6,
    rate: Annotated[float, typer.Option(min=0.5, max=60.0, help='Images a second of each.')] = 10.0,
    bound_ms: Annotated[float, typer.Option(min=1.0, help='Latency bound, header stamp to result.')] = 100.0,
    seed: Annotated[int, typer.Option(min=0, help='Seed of the simulated world.')] = 1,
    engine: Annotated[EngineKind, typer.Option(help='Inference engine.')] = 'auto',
    out: Annotated[Path, typer.Option(help='Folder for the report.')] = Path('demo_report'),
    graph_kind: Annotated[
        WireKind | None,
        typer.Option('--graph', help='Middleware; default: dds, or zenoh where there is none.'),
    ] = None,
    domain_id: Annotated[
        int | None, typer.Option(help='ROS domain; default: one of its own.', min=0, max=232)
    ] = None,
) -> None:
    """Simulated cameras in, detections and one map out, over loopback; ends with a report.

    The exit code is 0 only if sets were published and the latency bound was kept, or after Ctrl-C.
    """
    domain = 60 + os.getpid() % 40 if domain_id is None else domain_id
    wire = graph_kind or wire_here()
    options = DemoOptions(seconds, cameras, rate, bound_ms, seed, out, engine, domain, wire)
    console = Console(highlight=False)
    recording = _fresh_folder(out)
    console.print(
        f'{cameras} cameras of 640x480 at {rate:g} Hz for {seconds:g} s, seed {seed}, bound {bound_ms:g} ms'
    )
    with stop_on_signal(grace_s=GRACE_S) as stop, Live(console=console, refresh_per_second=4) as live:

        def on_tick(assembly: Assembly, now_ns: int, epoch_ns: int) -> None:
            live.update(live_table(assembly, now_ns, max(0.0, (now_ns - epoch_ns) / 1e9)))

        run = run_demo(options, recording, on_tick, stop)
    if run is None:
        console.print('stopped before the end: no report was written')
        return
    console.print('scoring against the world ...')
    scores = score_run(options, run.recorder, run.epoch_ns)
    summary = summarise(options, run, scores)
    held, sentence = verdict(summary)
    write_report(out, summary, (held, sentence), run, scores)
    console.print(_table(summary))
    console.print(f'[bold {"green" if held else "red"}]{escape(sentence)}[/]', soft_wrap=True)
    written = [str(out / name) for name in REPORT_FILES if (out / name).is_file()]
    console.print(escape(f'written: {", ".join(written)}, {recording}'), soft_wrap=True)
    raise typer.Exit(0 if held else 1)


def _fresh_folder(out: Path) -> Path:
    """Make the report folder, clear what an earlier demo left in it; the place of the recording."""
    out.mkdir(parents=True, exist_ok=True)
    recording = out / 'result.mcap'
    for name in (*REPORT_FILES, recording.name):
        (out / name).unlink(missing_ok=True)
    # A demo that was killed leaves its recording half written.
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
    return f'{value:.3g}' if isinstance(value, float) else str(value)
