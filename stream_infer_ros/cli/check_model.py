"""`stream_infer check-model`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stream_infer_ros.config import EngineConfig, EngineKind, ModelConfig, ModelFamily
from stream_infer_ros.inference.check_model import check_model as check
from stream_infer_ros.inference.engines.engine import TensorInfo


def check_model(
    model: Annotated[Path, typer.Argument(help='ONNX file.')],
    engine: Annotated[EngineKind, typer.Option(help='Inference engine.')] = 'auto',
    family: Annotated[ModelFamily, typer.Option(help='Decoder, if it cannot be told.')] = 'auto',
    class_names: Annotated[Path | None, typer.Option(help='Text file, one class name a line.')] = None,
    batch: Annotated[int, typer.Option(min=1, help='Images per run in the timing.')] = 6,
) -> None:
    """Tell what a network is, whether it runs here, and what an image costs."""
    names = str(class_names) if class_names else ''
    report = check(
        model,
        EngineConfig(kind=engine),
        ModelConfig(family=family, class_names_file=names),
        batch=batch,
    )
    table = Table(show_header=False)
    table.add_row('file', f'{report.path} ({report.size_bytes / 1e6:.2f} MB)')
    table.add_row('family', report.family)
    table.add_row('inputs', _tensors(report.inputs))
    table.add_row('outputs', _tensors(report.outputs))
    table.add_row('classes', f'{len(report.class_names)}: {", ".join(report.class_names[:12])}')
    table.add_row('colour', report.colour)
    table.add_row('engine', report.engine)
    table.add_row(
        'time', f'{report.frame_ms:.2f} ms an image, in batches of {report.batch}, decoding included'
    )
    Console().print(table)


def _tensors(tensors: tuple[TensorInfo, ...]) -> str:
    return '\n'.join(
        f'{t.name} {t.dtype} ({", ".join("?" if n < 0 else str(n) for n in t.shape)})' for t in tensors
    )
