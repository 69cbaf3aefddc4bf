"""The streams and the latency of an ideal pipeline: one copy, one resize and the network per frame."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stream_infer_ros.capacity.camera_load import picture_files
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.inference.engines import Engine
from stream_infer_ros.inference.input_packing import ImageInput

_ROUNDS = 30
# The least measuring time: a processor that was idle is faster at first.
_LEAST_S = 1.0
# Images per run of the network; larger batches are hardly faster per image.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class IdealCapacity:
    """Median CPU times per frame in milliseconds, and the streams that follow from them.

    Attributes:
        copy_ms: one memory copy of the message.
        resize_ms: decoding, if it is compressed, and resizing to the input size of the network.
        engine_ms: the network.
        cores: processor cores that this process may use.
        streams: the number of streams of the rate in question that the cores could process.
        floor_ms: elapsed time that one frame alone takes for all three, in the fastest run. No latency bound
            below it can be kept, whatever the number of streams.
    """

    copy_ms: float
    resize_ms: float
    engine_ms: float
    cores: int
    streams: int
    floor_ms: float

    @staticmethod
    def median(measured: Sequence[IdealCapacity]) -> IdealCapacity:
        """Return the median by number of streams, the lower one of two."""
        return sorted(measured, key=lambda one: one.streams)[(len(measured) - 1) // 2]


def measure_ideal_capacity(engine: Engine, options: TrialOptions) -> IdealCapacity:
    """Measure with a loaded engine, while nothing else runs in this process.

    The speed of a shared machine varies: measure several times and take `IdealCapacity.median`.
    An engine on a GPU needs almost no CPU time, so that the result describes the host.
    """
    image_input = ImageInput.of(engine.io)
    data, picture = picture_files(options)[0]
    target = np.empty_like(data)
    size = (image_input.width, image_input.height)
    slot = np.empty((image_input.height, image_input.width, 3), np.uint8)

    def resize() -> None:
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if options.encoding == 'jpeg' else None
        cv2.resize(picture if decoded is None else decoded, size, dst=slot, interpolation=cv2.INTER_LINEAR)

    resize()
    batch = np.repeat(slot[None], _BATCH, axis=0)
    copy_ms = _cpu_ms(lambda: np.copyto(target, data))
    resize_ms = _cpu_ms(resize)
    engine_ms = _cpu_ms(lambda: list(engine.run(batch))) / _BATCH
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    frames_per_s = cores * 1e3 / (copy_ms + resize_ms + engine_ms)

    def one_frame() -> None:
        np.copyto(target, data)
        resize()
        list(engine.run(batch[:1]))

    floor_ms = _fastest_ms(one_frame)
    return IdealCapacity(copy_ms, resize_ms, engine_ms, cores, int(frames_per_s / options.rate_hz), floor_ms)


def _fastest_ms(call: Callable[[], object]) -> float:
    call()
    took = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took) * 1e3


def _cpu_ms(call: Callable[[], object]) -> float:
    call()
    took: list[float] = []
    end_s = time.monotonic() + _LEAST_S
    while len(took) < _ROUNDS or time.monotonic() < end_s:
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return float(np.median(took)) * 1e3
