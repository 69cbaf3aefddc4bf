"""Letterbox, infer, decode: from a set of frames to what each camera saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from time import perf_counter_ns

import numpy as np

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import EncodingError, EngineDown, EngineError, InferenceMissed
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.inference.decoders import Thresholds
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.inference.engines import EngineState, Picture
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.processed_set import PerceivedSet
from stream_infer_ros.sync.frame_set import FrameSet

OnDecoded = Callable[[Frame, EncodingError | None], None]
OnInferred = Callable[[Sequence[Frame], EngineError | None], None]
# Publishes what one frame shows; returns when it was out, nanoseconds.
PublishOne = Callable[[Frame, Perception], int]

_exposed_ns = attrgetter('exposed_ns')


@dataclass(slots=True)
class _Spent:
    """Time of the steps of one set on this thread.

    What is left of the whole is `inference`: how long this thread had to wait for the engine, which may have
    worked during the other steps, too.
    """

    letterbox_ns: int = 0
    decode_ns: int = 0
    publish_ns: int = 0

    def tell(self, statistics: Statistics, whole_ns: int) -> None:
        """Publishing is told with what the whole set publishes."""
        statistics.took('letterbox', self.letterbox_ns)
        statistics.took('inference', whole_ns - self.letterbox_ns - self.decode_ns - self.publish_ns)
        statistics.took('decode', self.decode_ns)


class Perceiver:
    """One network and the batch in front of it. Used by one thread.

    Args:
        capacity: most frames in a set.
        thresholds: for decoding, until `retune` replaces them.
        on_decoded: called with each frame and the reason why its pixels cannot be decoded, None if they can;
            the rest of its set goes on.
        on_inferred: called with the frames that went to the engine and the reason why it gave no result,
            None if it did; the next set is tried all the same.
        publish: called with each frame and what it shows as soon as that is known; None: whoever gets the
            set publishes it.
        instance: which of the network's engines it runs on.
    """

    def __init__(
        self,
        network: Network,
        capacity: int,
        statistics: Statistics,
        thresholds: Thresholds,
        on_decoded: OnDecoded = lambda _frame, _error: None,
        on_inferred: OnInferred = lambda _frames, _error: None,
        publish: PublishOne | None = None,
        instance: int = 0,
    ) -> None:
        image_input = ImageInput.of(network.engines[instance].io)
        self._engine = network.engines[instance]
        self._decoder = network.decoder
        self._batch = Batch.of(capacity, image_input, network.decoder.card)
        self._statistics = statistics
        self._thresholds = thresholds
        self._on_decoded = on_decoded
        self._on_inferred = on_inferred
        self._publish = publish

    @property
    def is_down(self) -> bool:
        """Whether its engine gives no results any more; from any thread."""
        return self._engine.health().state is EngineState.DOWN

    def retune(self, config: ModelConfig) -> None:
        """Take on the live settings from the next `decode` on; from any thread."""
        self._thresholds = Thresholds.of(config)

    def warm_up(self) -> None:
        """One run on empty pictures: a runtime's first is many times slower than the next."""
        blank = np.zeros((2, 2, 3), np.uint8)
        frames = [Frame('', 0, 0, blank, 'rgb8', '')] * self._batch.capacity
        for outputs in self._engine.run(map(self._batch.write, frames)):
            self._decoder.decode(outputs, self._batch.letterboxes[:1], self._thresholds)
        self._batch.clear()

    def perceive(self, frame_set: FrameSet, within_s: float = math.inf) -> PerceivedSet:
        """All three steps on one set, each timed; without the frames the engine had no result for.

        The steps overlap where the engine can (see Engine.run): it begins with the first image while the
        next is letterboxed, and each is decoded and published while it works on those behind it. The oldest
        frame comes first: it is due first.

        `within_s`: how long inference is worth waiting for.
        """
        spent = _Spent()
        frames: list[Frame] = []
        perceptions: list[Perception] = []
        published_ns: list[int] = []
        start_ns = perf_counter_ns()
        waiting = iter(sorted(frame_set.there, key=_exposed_ns))
        pictures = self._letterbox(waiting, frames, spent)
        try:
            for outputs in self._engine.run(pictures, within_s):
                decoding_ns, index = perf_counter_ns(), len(perceptions)
                letterboxes = self._batch.letterboxes[index : index + 1]
                perceptions += self._decoder.decode(outputs, letterboxes, self._thresholds)
                decoded_ns = perf_counter_ns()
                spent.decode_ns += decoded_ns - decoding_ns
                if self._publish is not None:
                    published_ns.append(self._publish(frames[index], perceptions[index]))
                    spent.publish_ns += perf_counter_ns() - decoded_ns
        except (InferenceMissed, EngineDown) as error:
            self._lose([*frames[len(perceptions) :], *waiting], error)
            del frames[len(perceptions) :]
        self._statistics.invalid(sum(perception.invalid for perception in perceptions))
        if frames:
            self._on_inferred(frames, None)
            spent.tell(self._statistics, perf_counter_ns() - start_ns)
        sizes = [(box.source_width, box.source_height) for box in self._batch.letterboxes[: len(frames)]]
        return PerceivedSet(frame_set, frames, sizes, perceptions, published_ns, spent.publish_ns)

    def _letterbox(self, waiting: Iterator[Frame], frames: list[Frame], spent: _Spent) -> Iterator[Picture]:
        """Write frames into the batch, one whenever the next picture is asked for.

        Appends each to `frames`. Frames whose pixels cannot be decoded are left out.
        """
        self._batch.clear()
        for frame in waiting:
            start_ns = perf_counter_ns()
            try:
                picture = self._batch.write(frame)
            except EncodingError as error:
                self._statistics.lost('undecodable', frame.camera)
                self._on_decoded(frame, error)
                continue
            finally:
                spent.letterbox_ns += perf_counter_ns() - start_ns
            self._on_decoded(frame, None)
            frames.append(frame)
            yield picture

    def _lose(self, frames: Sequence[Frame], error: EngineError) -> None:
        cause = 'engine_down' if isinstance(error, EngineDown) else 'no_result'
        for frame in frames:
            self._statistics.lost(cause, frame.camera)
        self._on_inferred(frames, error)
