"""The result of the search for the most streams: ours, the peers and the ideal, and the bounds."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from machine import Results, Table, usable_cores

from stream_infer_ros.capacity import TrialOptions

# What is asked for: ours beside each peer, and beside the ideal.
TIMES_USUAL, TIMES_TRITON, OF_IDEAL = 2.0, 1.0, 0.6


def tell(
    results: Results,
    found: Mapping[str, dict[str, Any]],
    ideal: Mapping[str, Any],
    engine_alone: int | None,
    trial: TrialOptions,
    most: int,
) -> None:
    """Show the table of all, and judge ours beside each.

    Args:
        results: of the benchmark.
        found: what the search of each gave, by kind.
        ideal: the fields of an IdealCapacity.
        engine_alone: streams that the engine holds with nothing around it; None: not measured.
        trial: what all were offered.
        most: streams that were tried at most.
    """
    ours = found.get('ours', {}).get('streams')
    table = Table(
        f'{trial.width}x{trial.height} {trial.encoding} at {trial.rate_hz:g} Hz, p99 within '
        f'{trial.bound_ms:g} ms, {"sets" if trial.matched else "independent"}, {usable_cores()} cores',
        ('', 'streams', 'ours / it', 'p99, ms', 'lost', 'CPU, ms a frame'),
        'CPU is that of the receiving side, servers included; the cameras cost '
        f'{_cameras_ms(found):.2f} ms a frame more.',
    )
    for kind, one in found.items():
        ratio = ours / one['streams'] if ours is not None and one['streams'] else None
        lost = None if one['loss'] is None else f'{one["loss"]:.1%}'
        table.row(kind, one['streams'], ratio, one['p99_ms'], lost, one['cpu_ms'])
    bare_ms = ideal['copy_ms'] + ideal['resize_ms'] + ideal['engine_ms']
    share = ours / ideal['streams'] if ours is not None and ideal['streams'] else None
    table.row('ideal', ideal['streams'], share, None, None, bare_ms)
    with_cameras = int(ideal['cores'] * 1e3 / (bare_ms + _cameras_ms(found)) / trial.rate_hz)
    table.row('ideal with the cameras', with_cameras, ours / with_cameras if ours else None, None, None, None)
    if engine_alone:
        table.row('engine alone', engine_alone, ours / engine_alone if ours else None, None, None, None)
    results.show(table)
    for kind, one in found.items():
        if one['streams'] == most:
            results.missing(f'{kind} above {most} streams: held all that were tried, say --most {2 * most}')
    results.figures(
        found=found,
        ideal=ideal,
        engine_alone=engine_alone,
        ideal_with_cameras=with_cameras,
        trial=trial.to_json(),
    )
    for kind, times in (('usual', TIMES_USUAL), ('triton', TIMES_TRITON)):
        other = found.get(kind, {}).get('streams')
        value = ours / other if ours is not None and other else None
        if ours == most and value is not None and value < times:
            value = None  # more may be held
        results.check(f'ours / {kind}', value, times, most=False)
    results.check('ours / ideal', None if ours == most else share, OF_IDEAL, most=False)


def _cameras_ms(found: Mapping[str, dict[str, Any]]) -> float:
    told = [one['camera_cpu_ms'] for one in found.values() if one['camera_cpu_ms'] is not None]
    return median(told) if told else 0.0
