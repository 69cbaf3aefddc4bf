"""What no pipeline on this machine can beat: a copy, a resize, the network, and nothing else."""

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
# And for so long: what was idle runs faster at first.
_LEAST_S = 1.0
# As many images as a set of a usual robot: one run is measured at its best.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Floor:
    """CPU milliseconds per frame, medians.

    Attributes:
        copy_ms: one memory copy of the message.
        resize_ms: (decoding and) resizing it to the network's input.
        engine_ms: the network.
        cores: that this process may use.
        streams: how many that makes at the rate in question.
    """

    copy_ms: float
    resize_ms: float
    engine_ms: float
    cores: int
    streams: int

    @staticmethod
    def median(floors: Sequence[Floor]) -> Floor:
        """The one in the middle, the slower of two."""
        return sorted(floors, key=lambda floor: floor.streams)[(len(floors) - 1) // 2]


def measure_floor(engine: Engine, options: TrialOptions) -> Floor:
    """Measure while nothing else runs; `engine` is loaded.

    The speed of a shared machine varies: of several measurements, take `Floor.median`.

    For an engine on a GPU its time on the CPU is nearly nothing, and the floor is that of the host.
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
    frames_a_second = cores * 1e3 / (copy_ms + resize_ms + engine_ms)
    return Floor(copy_ms, resize_ms, engine_ms, cores, int(frames_a_second / options.rate_hz))


def _cpu_ms(call: Callable[[], object]) -> float:
    call()
    took: list[float] = []
    end_s = time.monotonic() + _LEAST_S
    while len(took) < _ROUNDS or time.monotonic() < end_s:
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return float(np.median(took)) * 1e3
