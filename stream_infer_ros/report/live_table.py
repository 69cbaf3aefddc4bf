"""The table that a running pipeline shows in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from stream_infer_ros.pipeline.assembly import Assembly
from stream_infer_ros.pipeline.camera_state import CameraState


def live_table(assembly: Assembly, now_ns: int, elapsed_s: float) -> Table:
    """Return a table of cameras, sets and latency at `now_ns`, with other problems below it."""
    statistics, health = assembly.statistics, assembly.health
    bound_ms = assembly.settings().bound_ns / 1e6
    stages = statistics.stages()
    rate = statistics.sets_published / elapsed_s if elapsed_s > 0 else 0.0
    total = stages.get('total', {}).get('')
    latency = 'no set yet'
    if total is not None:
        colour = 'green' if total.p99 <= bound_ms else 'red'
        latency = f'[{colour}]p50 {total.p50:.0f} ms, p99 {total.p99:.0f} ms[/] of {bound_ms:.0f}'
    table = Table(
        title=f'{elapsed_s:.0f} s   {statistics.sets_published} sets ({rate:.1f}/s), '
        f'{statistics.sets_partial} partial   {latency}',
        title_justify='left',
        caption=escape('\n'.join(health.other_problems(now_ns))) or None,
        caption_justify='left',
        expand=False,
    )
    for column in ('camera', 'images', 'wire p99 ms', 'wait p99 ms', 'lost', 'state'):
        table.add_column(column, justify='left' if column in ('camera', 'state') else 'right')
    drops, silent = health.losses.drops(), health.cameras.silent(now_ns)
    for camera in assembly.cameras:
        wire, wait = (stages.get(stage, {}).get(camera.name) for stage in ('wire', 'wait'))
        lost = sum(by_camera.get(camera.name, 0) for by_camera in drops.values())
        table.add_row(
            camera.name,
            str(camera.images),
            f'{wire.p99:.1f}' if wire else '-',
            f'{wait.p99:.1f}' if wait else '-',
            str(lost),
            _state(camera, silent),
        )
    return table


def _state(camera: CameraState, silent: Sequence[str]) -> str:
    if not camera.images:
        return f'[yellow]{escape(camera.problem)}[/]' if camera.problem else '[yellow]no image yet[/]'
    if camera.name in silent:
        return f'[red]{escape(camera.refusing or "silent")}[/]'
    return f'[yellow]{escape(camera.problem)}[/]' if camera.problem else '[green]streaming[/]'
