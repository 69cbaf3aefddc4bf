"""Which ground only silent cameras could see."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.camera_geometry import CameraGeometry
from stream_infer_ros.mapping.rolling_grid import RollingGrid


class Blindness:
    """Remembers when each camera was last heard, by the caller's clock.

    Args:
        after_s: a camera not heard for this long is silent.
    """

    def __init__(self, after_s: float) -> None:
        self._after_ns = round(after_s * 1e9)
        self._heard_ns: dict[str, int] = {}

    def heard(self, camera: str, now_ns: int) -> None:
        """A view of this camera arrived."""
        self._heard_ns[camera] = now_ns

    def silent(self, cameras: Mapping[str, CameraGeometry], now_ns: int) -> frozenset[str]:
        """The cameras not heard for too long; those never heard count from the first question about them."""
        return frozenset(
            c for c in cameras if now_ns - self._heard_ns.setdefault(c, now_ns) >= self._after_ns
        )

    def mask(
        self,
        cameras: Mapping[str, CameraGeometry],
        grid: RollingGrid,
        map_from_base: RigidTransform,
        now_ns: int,
    ) -> NDArray[np.bool_] | None:
        """Cells (n, n) in the view of silent cameras and of no others, with the base at a pose.

        None while no camera is silent. Ground outside every view is not in it: it keeps its memory.
        """
        silent = self.silent(cameras, now_ns)
        if not silent:
            return None
        blind = np.zeros(grid.values.shape, np.bool_)
        for camera in sorted(cameras, key=lambda name: name not in silent):
            window = cameras[camera].table.on(grid, map_from_base)
            blind[window.rows, window.columns][window.pixel > 0] = camera in silent
        return blind
