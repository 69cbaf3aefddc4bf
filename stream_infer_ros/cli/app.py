"""The commands of `stream_infer`, and the display of its errors."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from stream_infer_ros.cli.build_engine import build_engine
from stream_infer_ros.cli.check_model import check_model
from stream_infer_ros.cli.config import config
from stream_infer_ros.cli.demo import demo
from stream_infer_ros.cli.doctor import doctor
from stream_infer_ros.cli.engines import engines
from stream_infer_ros.cli.eval_map import eval_map
from stream_infer_ros.cli.export_triton import export_triton
from stream_infer_ros.cli.find_streams import find_streams
from stream_infer_ros.cli.replay import replay
from stream_infer_ros.cli.run import run
from stream_infer_ros.cli.rviz_config import rviz_config
from stream_infer_ros.cli.simulate import simulate
from stream_infer_ros.errors import StreamInferError

app = typer.Typer(
    name='stream_infer',
    help='Streaming inference for robots: detections and one map from many cameras, within a latency bound.',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={'help_option_names': ['-h', '--help'], 'max_content_width': 110},
)
for command in (
    demo,
    run,
    replay,
    doctor,
    simulate,
    check_model,
    engines,
    find_streams,
    build_engine,
    export_triton,
    config,
    rviz_config,
    eval_map,
):
    app.command()(command)


def run_app() -> None:
    """Run one command; print an error of this package as one line with the remedy, and exit with code 1."""
    try:
        app(prog_name='stream_infer')
    except (StreamInferError, OSError) as error:  # an OSError names the file and what the system refused
        Console(stderr=True, soft_wrap=True).print(
            f'[bold red]error:[/] {escape(str(error))}', highlight=False
        )
        sys.exit(1)
