"""All losses of the pipeline, wherever they happen."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.drop_causes import DropCause, NotMappedCause
from stream_infer_ros.graph.graph import Graph
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.sync.synchronizer import Synchronizer


class Losses:
    """Adds up the losses of the steps, of the synchronizer, and of the middleware."""

    def __init__(
        self, graph: Graph, cameras: Sequence[CameraState], synchronizer: Synchronizer, statistics: Statistics
    ) -> None:
        self._graph = graph
        self._senders = {camera.topics.image: camera.name for camera in cameras}
        self._synchronizer = synchronizer
        self._statistics = statistics

    def drops(self) -> dict[DropCause, dict[str, int]]:
        """Return all losses so far: cause -> camera -> count.

        A loss that belongs to no camera is listed under its topic. The cause `middleware` counts what the
        middleware reports as lost, on the way in, or on the way to a subscriber that does not keep up.
        """
        found = self._statistics.drops()
        for camera, by_cause in self._synchronizer.drops().items():
            for cause, n in by_cause.items():
                if n:
                    by_camera = found.setdefault(cause, {})
                    by_camera[camera] = by_camera.get(camera, 0) + n
        lost = {self._senders.get(topic, topic): n for topic, n in self._graph.losses().items()}
        if lost:
            found[DropCause.MIDDLEWARE] = lost
        return dict(sorted(found.items()))

    def not_mapped(self) -> dict[NotMappedCause, dict[str, int]]:
        """Return the frames that have detections but are not in the map: cause -> camera -> count."""
        return self._statistics.views_missed()
