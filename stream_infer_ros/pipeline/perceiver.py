"""Letterbox, infer, decode: from a set of frames to what each camera saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import EncodingError, EngineDown, EngineError, InferenceMissed
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.engines import EngineState
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.processed_set import PerceivedSet
from stream_infer_ros.pipeline.statistics import Statistics
from stream_infer_ros.sync.frame_set import FrameSet

OnDecoded = Callable[[Frame, EncodingError | None], None]
OnInferred = Callable[[Sequence[Frame], EngineError | None], None]


class Perceiver:
    """One network and the batch in front of it. Used by one thread.

    Args:
        capacity: most frames in a set.
        on_decoded: called with each frame and the reason why its pixels cannot be decoded, None if they can;
            the rest of its set goes on.
        on_inferred: called with the frames that went to the engine and the reason why it gave no result,
            None if it did; the next set is tried all the same.
        instance: which of the network's engines it runs on.
    """

    def __init__(
        self,
        network: Network,
        capacity: int,
        statistics: Statistics,
        on_decoded: OnDecoded = lambda _frame, _error: None,
        on_inferred: OnInferred = lambda _frames, _error: None,
        instance: int = 0,
    ) -> None:
        image_input = ImageInput.of(network.engines[instance].io)
        self._engine = network.engines[instance]
        self._decoder = network.decoder
        self._batch = Batch.of(capacity, image_input, network.decoder.card)
        self._statistics = statistics
        self._on_decoded = on_decoded
        self._on_inferred = on_inferred

    @property
    def is_down(self) -> bool:
        """Whether its engine gives no results any more; from any thread."""
        return self._engine.health().state is EngineState.DOWN

    def retune(self, config: ModelConfig) -> None:
        """Take on the live settings from the next `decode` on; from any thread."""
        self._decoder.retune(config)

    def warm_up(self) -> None:
        """One run on empty pictures: a runtime's first is many times slower than the next."""
        blank = np.zeros((2, 2, 3), np.uint8)
        for _ in range(self._batch.capacity):
            self._batch.add(Frame('', 0, 0, blank, 'rgb8', ''))
        self.decode(self.infer(self._batch), self._batch)
        self._batch.clear()

    def perceive(self, frame_set: FrameSet, within_s: float = math.inf) -> PerceivedSet:
        """All three steps on one set, each timed; without frames if the engine had no result for them.

        `within_s`: how long inference is worth waiting for.
        """
        with self._statistics.timed('letterbox'):
            frames, batch = self.letterbox(frame_set)
        if not frames:
            return PerceivedSet(frame_set, (), (), ())
        try:
            with self._statistics.timed('inference'):
                outputs = self.infer(batch, within_s)
        except (InferenceMissed, EngineDown) as error:
            self._lose(frames, error)
            return PerceivedSet(frame_set, (), (), ())
        self._on_inferred(frames, None)
        with self._statistics.timed('decode'):
            perceptions = self.decode(outputs, batch)
        sizes = [(box.source_width, box.source_height) for box in batch.letterboxes]
        return PerceivedSet(frame_set, frames, sizes, perceptions)

    def letterbox(self, frame_set: FrameSet) -> tuple[list[Frame], Batch]:
        """Write every present frame into the batch; the frames that are in it, and the batch.

        The batch is the Perceiver's own and holds until the next `letterbox`.
        """
        self._batch.clear()
        frames = []
        for frame in frame_set.frames:
            if frame is None:
                continue
            try:
                self._batch.add(frame)
            except EncodingError as error:
                self._statistics.lost('undecodable', frame.camera)
                self._on_decoded(frame, error)
            else:
                self._on_decoded(frame, None)
                frames.append(frame)
        return frames, self._batch

    def infer(self, batch: Batch, within_s: float = math.inf) -> dict[str, NDArray[Any]]:
        """Raw outputs by name, first dimension the number of frames. Raises EngineError."""
        return self._engine.infer(batch.images, len(batch), within_s)

    def decode(self, outputs: dict[str, NDArray[Any]], batch: Batch) -> Sequence[Perception]:
        """What each frame shows, in its own pixels."""
        return self._decoder.decode(outputs, batch.letterboxes)

    def _lose(self, frames: Sequence[Frame], error: EngineError) -> None:
        cause = 'engine_down' if isinstance(error, EngineDown) else 'no_result'
        for frame in frames:
            self._statistics.lost(cause, frame.camera)
        self._on_inferred(frames, error)
