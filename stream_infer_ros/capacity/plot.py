"""A picture of p99 and loss by the number of streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.errors import ConfigError

_LATENCY, _LOSS = '#0072b2', '#d55e00'


def check_picture(path: Path | None) -> None:
    """Raise ConfigError if the suffix names no supported picture format; None is accepted."""
    kinds = sorted(FigureCanvasAgg.get_supported_filetypes())
    if path is not None and path.suffix.removeprefix('.').lower() not in kinds:
        raise ConfigError(
            f'expected a file name ending in .{", .".join(kinds)}, got {path}; use .png, for example'
        )


def plot_trials(trials: Sequence[Mapping[str, Any]], options: TrialOptions, streams: int, path: Path) -> None:
    """Write a picture in the format of the suffix of `path`. `trials` are TrialResults as dictionaries."""
    figure = Figure(figsize=(7.0, 4.5), dpi=120)
    FigureCanvasAgg(figure)
    latency = figure.add_subplot()
    numbers = [trial['streams'] for trial in trials]
    latency.plot(numbers, [trial['p99_ms'] for trial in trials], 'o', color=_LATENCY)
    latency.axhline(options.bound_ms, color=_LATENCY, linewidth=0.8, linestyle='--')
    latency.axvline(streams, color='0.4', linewidth=0.8)
    latency.set_xlabel(f'streams of {options.width}x{options.height} at {options.rate_hz:g} Hz')
    latency.set_ylabel('p99, ms (dashed: bound)', color=_LATENCY)
    latency.set_ylim(bottom=0)
    loss = latency.twinx()
    loss.plot(numbers, [100 * trial['loss'] for trial in trials], 'x', color=_LOSS)
    loss.set_ylabel('lost or late, %', color=_LOSS)
    loss.set_ylim(bottom=0)
    latency.set_title(f'{streams} streams held')
    figure.tight_layout()
    figure.savefig(path)
