"""`stream_infer build-engine`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream_infer_ros.cli.setting_options import changed, with_config
from stream_infer_ros.cli.writable import check_writable
from stream_infer_ros.config import Config
from stream_infer_ros.inference.decoders import network_card
from stream_infer_ros.inference.engines import EngineSpec, OnProgress
from stream_infer_ros.inference.engines.availability import NvidiaGpu, nvidia_gpus
from stream_infer_ros.inference.engines.device import CudaRuntime, choose_device
from stream_infer_ros.inference.engines.tensorrt.build import built_plan
from stream_infer_ros.inference.model_card import user_card
from stream_infer_ros.pipeline.network import MOST_CAMERAS
from stream_infer_ros.resources import default_model


@with_config(
    'settings',
    'engine.precision',
    'engine.max_batch',
    'engine.tensorrt.flavour',
    'engine.tensorrt.compute_capabilities',
    'engine.device',
    'model.family',
    'model.card',
    'engine.cache_dir',
)
def build_engine(
    settings: Config,
    model: Annotated[
        Path | None, typer.Argument(help='ONNX file. Without it, the surround model is used.')
    ] = None,
    output: Annotated[Path | None, typer.Option(help='Also write the plan to this file.')] = None,
) -> None:
    """Build the TensorRT plan of a model in advance, so that the node starts without delay.

    The plan is stored in the cache, where an engine with the same settings finds it.
    """
    settings = changed(settings, {'model.file': model, 'engine.kind': 'tensorrt'})
    check_writable(output, '--output')
    console = Console(highlight=False, soft_wrap=True)
    columns = (TextColumn('{task.description}'), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        spec = EngineSpec(
            settings.engine,
            Path(settings.model.file) if settings.model.file else default_model(),
            settings.engine.max_batch or len(settings.cameras) or MOST_CAMERAS,
            lambda io: network_card(settings.model, io).normalisation,
            _shown(progress),
            user_card(settings.model).input_size,
        )
        named = settings.engine.tensorrt.compute_capabilities
        plan = built_plan(spec, None if named else _gpu_here(settings.engine.device))
    if output is not None:
        _write(output, plan.serialized)
    console.print(
        f'{plan.path}: {plan.precision}, 1 to {plan.max_batch} images, {len(plan.serialized) / 1e6:.1f} MB, '
        f'{plan.flavour.name} {plan.flavour.version}, {_how(progress)}'
    )


def _gpu_here(device: str) -> NvidiaGpu | None:
    """Select the GPU of the settings for TensorRT and return it; None if the machine has no GPU."""
    if not nvidia_gpus():
        return None
    cuda = CudaRuntime()
    chosen = choose_device(cuda, device)
    cuda.use(chosen.index)
    return NvidiaGpu(chosen.name, '{}.{}'.format(*chosen.compute_capability))


def _shown(progress: Progress) -> OnProgress:
    """Return a progress function that shows a bar once there is something to build."""

    def show(what: str, fraction: float) -> bool:
        if not progress.tasks:
            progress.add_task(what, total=1.0)
        progress.update(progress.tasks[0].id, description=what, completed=fraction)
        return True

    return show


def _how(progress: Progress) -> str:
    if not progress.tasks:
        return 'was already in the cache'
    return 'built' if progress.finished else 'built by another process'


def _write(path: Path, plan: bytes) -> None:
    """Write the file completely, or not at all."""
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    try:
        temporary.write_bytes(plan)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
