"""`stream_infer rviz-config`."""

from __future__ import annotations

import typer

from stream_infer_ros.cli.setting_options import with_config
from stream_infer_ros.config import Config
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.report.rviz_config import rviz_config as rviz_config_text


@with_config('settings', 'cameras', 'graph.namespace')
def rviz_config(settings: Config) -> None:
    """Print an rviz2 configuration for the cameras that are named in the options or in the file."""
    names = [camera.camera for camera in camera_topics(settings, ())] if settings.cameras else []
    typer.echo(rviz_config_text(settings, names), nl=False)
