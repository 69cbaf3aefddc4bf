"""The data of a demo run for its scores and its report: two numbers per set, and a bounded sample of sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encodings import to_colour
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.pipeline.results import Result

MOST_SAMPLES = 60


@dataclass(frozen=True, slots=True, eq=False)
class SeenFrame:
    """The frame of one camera in a sampled set."""

    camera: str
    stamp_ns: int
    perception: Perception


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One published set: the perception of each camera, and the map after it."""

    stamp_ns: int
    frames: Sequence[SeenFrame]
    grid: GridSnapshot


class Recorder:
    """Keeps every n-th set (at most MOST_SAMPLES per run), every latency, and the last complete set."""

    def __init__(self, expected_sets: int) -> None:
        self._every = max(1, -(-expected_sets // MOST_SAMPLES))
        self._count = 0
        self.samples: list[Sample] = []
        self.stamps_ns: list[int] = []
        self.total_ns: list[int] = []
        self._last: Result | None = None

    def note(self, result: Result) -> None:
        """Note a published set. This takes microseconds."""
        perceived = result.perceived
        if perceived.images:
            self.total_ns.append(result.published_ns - perceived.oldest_stamp_ns)
        self.stamps_ns.append(perceived.frame_set.stamp_ns)
        if not perceived.partial or self._last is None:
            self._last = result
        if self._count % self._every == 0 and result.map is not None:
            frames = [
                SeenFrame(image.frame.camera, image.frame.stamp_ns, image.perception)
                for image in perceived.images
            ]
            self.samples.append(Sample(perceived.frame_set.stamp_ns, frames, result.map))
        self._count += 1

    def pictures(self) -> list[tuple[str, NDArray[np.uint8], Perception]]:
        """Return (camera, RGB picture, perception) of the last complete set, in configured order."""
        if self._last is None:
            return []
        perceived = self._last.perceived
        seen = {image.frame: image.perception for image in perceived.images}
        return [
            (frame.camera, to_colour(frame.image, frame.encoding, 'rgb'), seen[frame])
            for frame in perceived.frame_set.there
            if frame in seen
        ]
