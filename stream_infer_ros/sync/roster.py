"""The cameras of a synchronizer and their order."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.errors import ConfigError


class Roster(dict[str, int]):
    """The slot in a frame set, by name of the camera.

    Raises:
        ConfigError: no camera, or one that is named twice; in `roster[camera]`: an unknown camera.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        super().__init__({camera: slot for slot, camera in enumerate(cameras)})
        if not self or len(self) != len(cameras):
            raise ConfigError(
                f'expected at least one camera, each named once, but got {list(cameras)}; correct `cameras`'
            )

    def __missing__(self, camera: str) -> int:
        raise ConfigError(
            f'a frame of camera {camera!r} came, but frames are matched for {", ".join(self)}; '
            'add it to `cameras`, or do not subscribe to it'
        )
