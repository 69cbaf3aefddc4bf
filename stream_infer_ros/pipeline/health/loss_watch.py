"""Detection of messages that never reach the pipeline, with the reason from the middleware."""

from __future__ import annotations

from collections.abc import Iterable

from stream_infer_ros.graph.graph import Graph
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch

REMEMBERED_NS = 10_000_000_000
# A camera may skip a frame for its own reasons.
FEW_IMAGES = 2


class LossWatch:
    """Compares the counts of losses once a period.

    Args:
        graph: counts the losses that the middleware reports, and knows whether its configuration causes them.
        watch: counts images that are missing from the regular stamps of a camera.
        topics: inputs of the pipeline; losses on other topics are ignored.
    """

    def __init__(self, graph: Graph, watch: SyncWatch, topics: Iterable[str]) -> None:
        self._graph = graph
        self._watch = watch
        self._topics = frozenset(topics)
        # For each look that found new losses: its time, messages, images.
        self._recent: list[tuple[int, int, int]] = []
        self._messages = self._images = 0

    def look(self, now_ns: int, _period_ns: int) -> None:
        """Count what was lost since the last look."""
        messages = sum(n for topic, n in self._graph.losses().items() if topic in self._topics)
        images = sum(stream.missed for stream in self._watch.streams().values())
        new = (now_ns, max(messages - self._messages, 0), max(images - self._images, 0))
        self._messages, self._images = messages, images
        if new[1] or new[2]:
            self._recent.append(new)
        # This also drops entries from before a jump of the clock back in time.
        self._recent = [look for look in self._recent if abs(now_ns - look[0]) < REMEMBERED_NS]

    def problem(self, _now_ns: int) -> str:
        """Describe recent losses, their reason and the remedy; empty if none, or no reason is known."""
        messages = sum(look[1] for look in self._recent)
        images = sum(look[2] for look in self._recent)
        if not messages and images <= FEW_IMAGES:
            return ''
        reason = self._graph.why_lost()
        if not reason:
            return ''
        return (
            f'messages are lost on the way ({messages} reported by the middleware, {images} images missing '
            f'from regular streams in {REMEMBERED_NS / 1e9:.0f} s): {reason}'
        )
