"""`stream_infer check-model`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stream_infer_ros.cli.setting_options import with_section
from stream_infer_ros.config import Config
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference.check_model import PictureReport
from stream_infer_ros.inference.check_model import check_model as check
from stream_infer_ros.inference.input_packing import AS_THEY_ARE
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import TensorInfo

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
MOST_PICTURES = 200


@with_section('settings', Config, 'engine.kind', 'model.family', 'model.card', 'model.class_names_file')
def check_model(
    model: Annotated[Path, typer.Argument(help='ONNX file.')],
    settings: Config,
    batch: Annotated[int, typer.Option(min=1, help='Number of images per batch in the measurement.')] = 6,
    pictures: Annotated[
        Path | None,
        typer.Option(help='Picture, or folder of pictures, on which the boxes are checked for nonsense.'),
    ] = None,
) -> None:
    """Show the family of a model, whether it works on this machine, and the time per image."""
    report = check(model, settings.engine, settings.model, batch=batch, pictures=_files(pictures))
    table = Table(show_header=False)
    table.add_row('file', f'{report.path} ({report.size_bytes / 1e6:.2f} MB)')
    table.add_row('family', report.card.family)
    table.add_row('inputs', _tensors(report.inputs))
    table.add_row('outputs', _tensors(report.outputs))
    table.add_row('classes', f'{len(report.class_names)}: {escape(", ".join(report.class_names[:12]))}')
    if report.unnamed:
        table.add_row('class names', f'[yellow]{escape(report.unnamed)}[/]')
    table.add_row('pixels', _pixels(report.card))
    table.add_row('fit', _fit(report.card))
    table.add_row('engine', report.engine)
    if report.trial:
        table.add_row('trial', escape(report.trial))
    table.add_row(
        'time', f'{report.frame_ms:.2f} ms per image in batches of {report.batch}, including decoding'
    )
    if report.invalid:
        table.add_row('broken boxes', f'{report.invalid}: the score is above 1, or a number is not finite')
    for picture in report.pictures:
        table.add_row(escape(picture.path.name), escape(_boxes(picture)))
    if report.nonsense:
        table.add_row(
            'nonsense',
            f'[yellow]{report.nonsense}; try another --family or --card: colour, scale, mean and std of the '
            'pixels must be those of the training[/]',
        )
    Console().print(table)


def _files(pictures: Path | None) -> list[Path]:
    if pictures is None:
        return []
    if not pictures.is_dir():
        return [pictures]
    found = sorted(path for path in pictures.iterdir() if path.suffix.lower() in SUFFIXES)[:MOST_PICTURES]
    if not found:
        raise ConfigError(f'expected pictures ({", ".join(SUFFIXES)}) in the folder {pictures}, found none')
    return found


def _boxes(picture: PictureReport) -> str:
    best = ', '.join(f'{name} {score:.2f}' for name, score in picture.boxes[:5])
    count = f'{len(picture.boxes)} boxes'
    return f'{count}: {best}' if best else f'{count}; the best score is {picture.best_score:.2g}'


def _pixels(card: ModelCard) -> str:
    normalisation = card.normalisation
    if normalisation == AS_THEY_ARE:
        return f'{card.colour}, 0..255'
    text = f'{card.colour}, multiplied by {normalisation.scale:.6g}'
    if any(normalisation.mean):
        text += f', minus {normalisation.mean}'
    return text if normalisation.std == AS_THEY_ARE.std else f'{text}, divided by {normalisation.std}'


def _fit(card: ModelCard) -> str:
    if card.fit == 'stretch':
        return 'stretched to the input'
    return (
        f'{"centred" if card.fit == "letterbox" else "in the upper left corner"}, padded with grey '
        f'{card.padding}'
    )


def _tensors(tensors: tuple[TensorInfo, ...]) -> str:
    return '\n'.join(escape(str(tensor)) for tensor in tensors)
