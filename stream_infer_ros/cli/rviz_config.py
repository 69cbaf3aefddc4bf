"""`stream_infer rviz-config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream_infer_ros.cli.settings import configured
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.report.rviz_config import rviz_config as rviz_config_text


def rviz_config(
    config: Annotated[Path | None, typer.Option(help='Parameter file; see `stream_infer config`.')] = None,
    cameras: Annotated[str | None, typer.Option(help='Camera names, comma separated.')] = None,
    namespace: Annotated[str | None, typer.Option(help='ROS namespace of the node, e.g. /robot1.')] = None,
) -> None:
    """Print an rviz2 configuration for the cameras that are named here or in the file."""
    settings = configured(
        config,
        cameras=[name.strip() for name in cameras.split(',')] if cameras else None,
        graph__namespace=namespace,
    )
    names = [camera.camera for camera in camera_topics(settings, ())] if settings.cameras else []
    typer.echo(rviz_config_text(settings, names), nl=False)
