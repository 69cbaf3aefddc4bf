"""`stream_infer find-streams`."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from stream_infer_ros.capacity import (
    Bench,
    IdealCapacity,
    TrialOptions,
    TrialResult,
    measure_ideal_capacity,
    most_held,
)
from stream_infer_ros.capacity.engine_alone import engine_streams
from stream_infer_ros.capacity.plot import check_picture, plot_trials
from stream_infer_ros.capacity.tally import recovery_s
from stream_infer_ros.cli.setting_options import with_config
from stream_infer_ros.cli.writable import check_writable
from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError

CURVE = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
BURST_S, BURST_FACTOR = 2.0, 2.0


@with_config(
    'settings',
    'bound_ms',
    'graph.kind',
    'engine.kind',
    'model.file',
    'model.family',
    'model.card',
    'model.class_names_file',
    file_help='Parameter file, of which `model`, `engine`, `bound_ms` and `graph.kind` are used. Other '
    'options take precedence over it.',
)
def find_streams(
    settings: Config,
    rate: Annotated[float, typer.Option(min=0.1, help='Images per second of each camera.')] = 10.0,
    size: Annotated[str, typer.Option(help='Size of the images, WIDTHxHEIGHT.')] = '640x480',
    encoding: Annotated[Literal['rgb8', 'jpeg'], typer.Option(help='Encoding of the images.')] = 'rgb8',
    independent: Annotated[
        bool, typer.Option(help='Independent streams instead of synchronised sets.')
    ] = False,
    most: Annotated[int, typer.Option(min=1, max=200, help='Maximum number of streams to try.')] = 64,
    seconds: Annotated[float, typer.Option(min=1.0, help='Measured seconds of each trial.')] = 10.0,
    confirmations: Annotated[int, typer.Option(min=0, help='Number of times the result is confirmed.')] = 5,
    curve: Annotated[bool, typer.Option(help='Also measure p99 and loss at several loads.')] = False,
    burst: Annotated[
        bool, typer.Option(help='Also measure the recovery after a burst of twice the rate.')
    ] = False,
    engine_only: Annotated[
        bool, typer.Option(help='Measure only the engine, without cameras or middleware.')
    ] = False,
    domain_id: Annotated[
        int | None,
        typer.Option(min=0, max=232, help='ROS domain. By default, one that depends on the process.'),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help='Write a picture of p99 and loss against the number of streams.')
    ] = None,
    as_json: Annotated[Path | None, typer.Option('--json', help='Write all figures to a JSON file.')] = None,
) -> None:
    """Find how many camera streams this machine serves with p99 within the bound and at most 1 % loss.

    The measurement follows the multi-stream scenario of MLPerf v0.5, as an open loop: a number of cameras on
    this machine publish through the middleware at a fixed rate. Only detections are counted; no map is made.
    """
    width, height = _size(size)
    options = TrialOptions(
        rate_hz=rate,
        width=width,
        height=height,
        encoding=encoding,
        bound_ms=settings.bound_ms,
        matched=not independent,
        graph=settings.graph.kind,
        domain_id=100 + os.getpid() % 100 if domain_id is None else domain_id,
        seconds=seconds,
    )
    if engine_only and plot is not None:
        raise ConfigError(
            'expected --plot or --engine-only, got both: the plot shows trials, which --engine-only does '
            'not run'
        )
    check_writable(as_json, '--json')
    check_writable(plot, '--plot')
    check_picture(plot)
    console = Console(highlight=False, soft_wrap=True)
    with Bench(most, settings.engine.model_dump(), settings.model.model_dump()) as bench:
        ideal = measure_ideal_capacity(bench.network.engines[0], options)
        console.print(_ideal_text(ideal))
        console.print(_floor_text(ideal, options))
        found: dict[str, Any] = {'engine': bench.network.kind, 'model': bench.network.file.name}
        if engine_only:
            alone = engine_streams(bench.network.engines[0], options, most)
            found |= {'graph': 'none', **alone}
            for name, value in alone.items():
                reached = ', ' + _ceiling_text(most) if value == most else ''
                console.print(f'{name.replace("_", " ")}: {value}{reached}')
        else:
            found |= _through_the_graph(bench, options, most, confirmations, ideal, console)
            trials = found['trials']
            if curve:
                trials += _curve(bench, options, found['streams'], console)
            if burst:
                found['recovery_s'] = _burst(bench, options, found['streams'], console)
            if plot is not None:
                plot_trials(trials, options, found['streams'], plot)
    if as_json is not None:
        found |= {'ideal': asdict(ideal), 'options': asdict(options), 'machine': _machine()}
        as_json.write_text(json.dumps(_finite(found), indent=1), encoding='utf-8')


def _through_the_graph(
    bench: Bench, options: TrialOptions, most: int, confirmations: int, ideal: IdealCapacity, console: Console
) -> dict[str, Any]:
    trials: list[TrialResult] = []

    def holds(streams: int) -> bool:
        trials.append(_trial(bench, options.with_streams(streams), console))
        return trials[-1].held

    streams = most_held(holds, most, confirmations)
    at_winner = [trial for trial in trials if trial.streams == streams and trial.held]
    p99_ms = sorted(trial.p99_ms for trial in at_winner)[len(at_winner) // 2] if at_winner else math.inf
    loss = max((trial.loss for trial in at_winner), default=1.0)
    ratio = streams / ideal.streams if ideal.streams else 0.0
    console.print(_table(options, streams, p99_ms, loss, ideal, ratio, len(at_winner)))
    if streams == most:
        console.print(f'at least {streams} streams: {_ceiling_text(most)}')
    if not streams:
        console.print(_none_held(trials, options))
    return {
        'streams': streams,
        'ceiling_reached': streams == most,
        'floor_ms': ideal.floor_ms,
        'p99_ms': p99_ms,
        'loss': loss,
        'ideal_streams': ideal.streams,
        'ratio': ratio,
        'graph': options.graph,
        'trials': [asdict(trial) for trial in trials],
    }


def _trial(bench: Bench, options: TrialOptions, console: Console) -> TrialResult:
    with console.status(f'{options.streams} streams ...'):
        result, _ = bench.run(options)
    colour, word = ('green', 'held') if result.held else ('yellow', 'not held')
    console.print(
        f'{result.streams:4} streams: [{colour}]{word:8}[/] p50 {result.p50_ms:6.1f} ms, p99 '
        f'{result.p99_ms:6.1f} ms, lost or late {result.loss:6.1%}, CPU '
        f'{result.cpu_s * options.counted_share / max(1, result.offered) * 1e3:.1f} ms a frame'
    )
    return result


def _curve(bench: Bench, options: TrialOptions, streams: int, console: Console) -> list[dict[str, Any]]:
    console.print('p99 against offered load:')
    numbers = sorted({max(1, round(streams * share)) for share in CURVE})
    return [asdict(_trial(bench, options.with_streams(n), console)) for n in numbers]


def _burst(bench: Bench, options: TrialOptions, streams: int, console: Console) -> float | None:
    from_s = options.seconds / 4
    bursting = replace(
        options,
        streams=max(1, round(0.8 * streams)),
        burst=(from_s, from_s + BURST_S, BURST_FACTOR),
        seconds=2 * options.seconds + BURST_S,
    )
    _, tally = bench.run(bursting)
    took_s = recovery_s(tally, bursting)
    console.print(
        f'a burst of {BURST_FACTOR:g} times {bursting.streams} streams for {BURST_S:g} s: '
        + ('no recovery' if took_s is None else f'all frames in time {took_s:.1f} s after its end')
    )
    return took_s


def _table(
    options: TrialOptions,
    streams: int,
    p99_ms: float,
    loss: float,
    ideal: IdealCapacity,
    ratio: float,
    runs: int,
) -> Table:
    table = Table(show_header=False)
    table.add_row('streams held', f'[bold]{streams}[/]')
    table.add_row('of', f'{options.width}x{options.height} {options.encoding} at {options.rate_hz:g} Hz')
    table.add_row('p99 (median run)', f'{p99_ms:.1f} ms, bound {options.bound_ms:g} ms')
    table.add_row('lost or late (worst run)', f'{loss:.2%}')
    table.add_row('held in', f'{runs} runs')
    table.add_row('ideal pipeline', f'{ideal.streams} streams; {ratio:.0%} of it')
    return table


def _ideal_text(ideal: IdealCapacity) -> str:
    return (
        f'ideal pipeline: {ideal.streams} streams on {ideal.cores} cores, if a frame takes only '
        f'{ideal.copy_ms:.2f} ms for a copy, {ideal.resize_ms:.2f} ms for a resize and '
        f'{ideal.engine_ms:.2f} ms for the network'
    )


def _floor_text(ideal: IdealCapacity, options: TrialOptions) -> str:
    words = (
        f'floor of the latency: one frame alone takes {ideal.floor_ms:.1f} ms for copy, resize and network'
    )
    if ideal.floor_ms >= options.bound_ms:
        return (
            f'{words}: more than the bound of {options.bound_ms:g} ms, so that no stream can be held; raise '
            '--bound-ms, or use a smaller network or a faster engine'
        )
    return words


def _ceiling_text(most: int) -> str:
    return f'the ceiling of this search was reached; a larger --most than {most} may find more'


def _none_held(trials: list[TrialResult], options: TrialOptions) -> str:
    """Explain a result of 0 with the trial of the smallest number of streams."""
    least = min(trials, key=lambda trial: trial.streams)
    return (
        f'not even {least.streams} stream was held: its p99 was {least.p99_ms:.1f} ms with a bound of '
        f'{options.bound_ms:g} ms, and {least.loss:.1%} of its frames were lost or late; use a smaller '
        'network, smaller images, a lower --rate or a larger --bound-ms'
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition('x')
    if not (width.isdecimal() and height.isdecimal() and int(width) >= 64 and int(height) >= 48):
        raise ConfigError(f'expected --size WIDTHxHEIGHT of at least 64x48, got {text!r}; e.g. 640x480')
    return int(width), int(height)


def _machine() -> dict[str, Any]:
    return {
        'system': platform.platform(),
        'python': platform.python_version(),
        'processor': platform.processor() or platform.machine(),
        'cores': os.cpu_count(),
    }


def _finite(value: Any) -> Any:
    """Return the value with None for infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
