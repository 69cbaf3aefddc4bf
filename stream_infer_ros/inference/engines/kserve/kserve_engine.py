"""Inference on servers that use the KServe v2 protocol, such as Triton."""

from __future__ import annotations

import atexit
import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import KserveConfig
from stream_infer_ros.errors import ConfigError, EngineError, InferenceMissed
from stream_infer_ros.inference.engines.base_engine import BaseEngine, by_picture
from stream_infer_ros.inference.engines.engine import Engine, Outputs
from stream_infer_ros.inference.engines.kserve.endpoint import parse_endpoint
from stream_infer_ros.inference.engines.kserve.fallback import Fallback
from stream_infer_ros.inference.engines.kserve.patience import LONGEST_S, PaceLog, Patience
from stream_infer_ros.inference.engines.kserve.served_model import ServedModel
from stream_infer_ros.inference.engines.kserve.server import Part, Server
from stream_infer_ros.inference.engines.kserve.server_group import ServerGroup
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo

# The longest wait for a result if neither the caller nor the configuration sets a limit.
UNBOUNDED_S = 10.0


class KserveEngine(BaseEngine):
    """Send each batch to one of `engine.kserve.endpoints`, in parts if the model there takes fewer images.

    If no server gives a result in time, the batch is missed and the next is tried. If results never arrive in
    time, late results are waited for (see Patience). `engine.precision` and `engine.device` apply only to
    `engine.kserve.fallback`, because the servers decide them for themselves. `engine.kserve.timeout_ms`
    limits the `within_s` of a run.
    """

    def __init__(self, spec: EngineSpec, make_engine: Callable[[EngineSpec], Engine]) -> None:
        """`make_engine` creates the fallback.

        Raises ConfigError if an endpoint is malformed, and EngineError if tritonclient is not installed.
        """
        config = spec.config.kserve
        if not config.endpoints:
            raise ConfigError(
                'expected servers for engine.kind kserve, got none; '
                'set engine.kserve.endpoints, e.g. [grpc://gpu1:8001]'
            )
        self._endpoints = [parse_endpoint(text) for text in config.endpoints]
        if config.fallback == 'none' and (spec.config.precision != 'auto' or spec.config.device != 'auto'):
            raise ConfigError(
                f'expected engine.precision and engine.device auto with engine.kind kserve, got '
                f'{spec.config.precision} and {spec.config.device}; the server sets both, in its repository'
            )
        super().__init__(spec)
        self._model = config.model or spec.model.stem
        self._fallback = (
            None
            if config.fallback == 'none'
            else Fallback(
                spec,
                make_engine,
                # With endpoints, `auto` would choose this engine again.
                spec.config.model_copy(update={'kind': config.fallback, 'kserve': KserveConfig()}),
            )
        )
        self._group: ServerGroup | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._patience, self._pace_log = Patience(), PaceLog()

    def _infer(self, batch: NDArray[np.uint8], within_s: float) -> Iterable[Outputs]:
        assert self._group is not None, 'a loaded engine has one'
        start_s, left_s = time.monotonic(), self._limited(within_s)
        deadline_s = start_s + self._patience.wait_s(left_s, start_s)
        answered = False
        try:
            outputs = self._outputs(self._group, self._loaded_input(), batch, deadline_s)
            answered = True
        finally:
            end_s = time.monotonic()
            self._patience.ended(answered, end_s)
            rehearsed_s = self._group.rehearsed_s()
            self._pace_log.note(self._patience.pace, len(batch), end_s - start_s, left_s, rehearsed_s, end_s)
        return outputs

    def _free(self) -> None:
        atexit.unregister(self.close)
        if self._group is not None:
            self._group.close()
        if self._pool is not None:
            self._pool.shutdown()
        if self._fallback is not None:
            self._fallback.close()
        self._group = self._pool = None

    def _open(self) -> tuple[EngineIo, ImageInput]:
        """Raises EngineError if no server answers and there is no fallback.

        The description is that of the served model, with its parameters as metadata.
        """
        atexit.register(self.close)  # a server keeps shared memory until it is unregistered
        config = self._spec.config.kserve
        group = self._group = ServerGroup([Server(e, self._model, config) for e in self._endpoints])
        if self._fallback is not None:
            self._fallback.load()
        served = group.connect()
        if served is None:
            if self._fallback is None:
                raise EngineError(
                    f'expected one of the servers to serve model {self._model!r}, none does '
                    f'({group.reasons()}); start one, or correct engine.kserve.endpoints or .model'
                )
            served = ServedModel(self._fallback.io, 0)
            group.expect(served)
        io = served.io
        if self._fallback is not None:
            io = self._fallback.agreed(io)
        image_input = self._spec.image_input(io)
        blank = np.zeros((self._spec.max_batch, image_input.height, image_input.width, 3), np.uint8)
        parts = [part for part, _count in image_input.parts(blank, most=group.most_at_once())]
        group.rehearse(parts[0], len(parts) * len(parts[0]))
        self._pool = ThreadPoolExecutor(2 * len(self._endpoints), thread_name_prefix='kserve request')
        timeout_ms = config.timeout_ms
        self._patience, self._pace_log = Patience(timeout_ms * 1e-3 or LONGEST_S), PaceLog(timeout_ms)
        group.watch()
        return io, image_input

    def _outputs(
        self, group: ServerGroup, image_input: ImageInput, images: NDArray[np.uint8], deadline_s: float
    ) -> Iterable[Outputs]:
        """Return outputs of the servers or the fallback. Raises InferenceMissed if no time is left."""
        fallback = self._fallback
        if fallback is not None and not group.usable():
            return fallback.run(images, deadline_s)
        try:
            return by_picture(self._served(group, image_input, images, deadline_s), len(images))
        except InferenceMissed:
            if fallback is None or not fallback.makes_it(deadline_s):
                raise
            return fallback.run(images, deadline_s)

    def _served(
        self, group: ServerGroup, image_input: ImageInput, images: NDArray[np.uint8], deadline_s: float
    ) -> Outputs:
        packed = list(image_input.parts(images, most=group.most_at_once()))
        step = len(packed[0][0])
        parts = [Part(part, index * step, step * len(packed)) for index, (part, _count) in enumerate(packed)]
        if len(parts) == 1 or self._pool is None:
            answers = [group.run(part, deadline_s) for part in parts]
        else:
            answers = list(self._pool.map(lambda part: group.run(part, deadline_s), parts))
        counts = [count for _part, count in packed]
        return {
            tensor.name: _joined(
                [answer[tensor.name][:count] for answer, count in zip(answers, counts, strict=True)]
            )
            for tensor in self.io.outputs
        }

    def _limited(self, within_s: float) -> float:
        timeout_s = self._spec.config.kserve.timeout_ms * 1e-3 or math.inf
        limit_s = min(within_s, timeout_s)
        return limit_s if math.isfinite(limit_s) else UNBOUNDED_S


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Return one array that the caller owns."""
    if len(arrays) > 1:
        return np.concatenate(arrays)
    array = arrays[0]
    return array if array.flags.writeable and array.base is None else array.copy()
