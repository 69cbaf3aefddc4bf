"""The cameras a synchronizer was made for, and their order."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.errors import ConfigError


def roster(cameras: Sequence[str]) -> dict[str, int]:
    """Camera name -> slot in a frame set. Raises ConfigError for no cameras, or one named twice."""
    index = {camera: slot for slot, camera in enumerate(cameras)}
    if not index or len(index) != len(cameras):
        raise ConfigError(
            f'at least one camera, each named once, was expected, {list(cameras)} came; correct `cameras`'
        )
    return index


def unknown_camera(camera: str, index: dict[str, int]) -> ConfigError:
    return ConfigError(
        f'a frame of camera {camera!r} came, but frames are matched for {", ".join(index)}; '
        'add it to `cameras`, or do not subscribe to it'
    )
