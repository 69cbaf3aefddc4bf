"""The cameras a synchronizer was made for, and their order."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.errors import ConfigError


class Roster(dict[str, int]):
    """Camera name -> slot in a frame set.

    Raises:
        ConfigError: no cameras, or one named twice; in `roster[camera]`: a camera that is not in it.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        super().__init__({camera: slot for slot, camera in enumerate(cameras)})
        if not self or len(self) != len(cameras):
            raise ConfigError(
                f'at least one camera, each named once, was expected, {list(cameras)} came; correct `cameras`'
            )

    def __missing__(self, camera: str) -> int:
        raise ConfigError(
            f'a frame of camera {camera!r} came, but frames are matched for {", ".join(self)}; '
            'add it to `cameras`, or do not subscribe to it'
        )
