"""Settings for the middleware below rclpy, which must be made before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rclpy.utilities import get_rmw_implementation_identifier

from stream_infer_ros.graph.cyclone_for_images import uri_for_images
from stream_infer_ros.graph.fastdds_for_images import profile_variables


def middleware_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables that configure the middleware for images; set them before rclpy starts.

    Settings of the user take precedence.
    """
    fast_dds = profile_variables(get_rmw_implementation_identifier(), environ, Path())
    return {'CYCLONEDDS_URI': uri_for_images(environ), **fast_dds}
