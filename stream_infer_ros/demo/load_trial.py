"""A trial of a few seconds before the demo, with the real pipeline and the real renderers."""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from types import TracebackType

import numpy as np

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.tally import Tally
from stream_infer_ros.capacity.trial import run_trial
from stream_infer_ros.demo.load import Load, TrialCosts
from stream_infer_ros.errors import WorldError
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.simulation import Exposure, SimulationOptions
from stream_infer_ros.simulation.render_process import RenderProcesses

RENDERERS = 2
# Two processes import numpy and OpenCV and build the world.
START_S = 60.0
WARM_UP_S, COUNTED_S = 0.4, 1.4
# The phases of the simulated cameras differ by up to 24 ms (`Timing.phase_ms`).
SPREAD_MS = 24.0


class LoadTrial:
    """Measures what a load costs under the present load of the machine. A context manager.

    Meanwhile, two processes of low priority render images as fast as they can, like those of the simulated
    cameras do when the demo begins.

    Args:
        network: loaded; stays the caller's.
        seed: of the simulated world.
        bound_ms: latency bound of the demo.

    Raises WorldError if the renderers fail, and whatever a step of the pipeline raises.
    """

    def __init__(self, network: Network, seed: int, bound_ms: float) -> None:
        self._network, self._bound_ms = network, bound_ms
        self._renderers = RenderProcesses(partial(SimulationOptions(seed).encoder, 0), RENDERERS)
        self._rendered = [0] * RENDERERS
        self._changed = threading.Condition()
        self._ended = False
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._render, args=(index,), name='trial renderer')
            for index in range(RENDERERS)
        ]
        for thread in self._threads:
            thread.start()

    def measure(self, load: Load) -> TrialCosts:
        """Stream `load` through the pipeline for two seconds."""
        self._wait_for_renderers()
        options = TrialOptions(
            streams=load.cameras,
            rate_hz=load.rate_hz,
            bound_ms=self._bound_ms,
            graph='memory',
            warm_up_s=WARM_UP_S,
            seconds=COUNTED_S,
            spread_ms=SPREAD_MS,
        )
        begun_s, begun = time.monotonic(), sum(self._rendered)
        _, tally = run_trial(self._network, options)
        rendered_per_s = (sum(self._rendered) - begun) / (time.monotonic() - begun_s)
        self._raise_failure()
        latencies_ms = _set_latencies_ms(tally, load)
        return TrialCosts(float(np.median(latencies_ms)), max(latencies_ms), rendered_per_s)

    def close(self) -> None:
        """End the renderers. Safe to call twice."""
        with self._changed:
            self._ended = True
        for thread in self._threads:
            thread.join()
        self._renderers.close()

    def __enter__(self) -> LoadTrial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _render(self, index: int) -> None:
        stamp_ns = 0
        try:
            while not self._ended:
                stamp_ns += 100_000_000
                self._renderers.encode(Exposure(stamp_ns, index, 0))
                with self._changed:
                    self._rendered[index] += 1
                    self._changed.notify_all()
        except Exception as failure:  # raised again by `measure`
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _wait_for_renderers(self) -> None:
        with self._changed:
            started = self._changed.wait_for(lambda: all(self._rendered) or self._failure, START_S)
        self._raise_failure()
        if not started:
            raise WorldError(
                f'expected the first rendered images within {START_S:.0f} s, got none; this machine is too '
                f'busy for the demo, close other programs'
            )

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _set_latencies_ms(tally: Tally, load: Load) -> list[float]:
    """Return the time from the oldest stamp of each set to its last result; inf for an incomplete set."""
    period_ns = round(1e9 / load.rate_hz)
    sets: dict[int, list[tuple[int, int]]] = {}
    for stamp_ns, latency_ns in tally.latencies():
        sets.setdefault(stamp_ns // period_ns, []).append((stamp_ns, stamp_ns + latency_ns))
    latencies_ms = [
        (max(out_ns for _, out_ns in one) - min(stamp_ns for stamp_ns, _ in one)) / 1e6
        if len(one) == load.cameras
        else math.inf
        for one in sets.values()
    ]
    missing = tally.offered // load.cameras - len(sets)
    return latencies_ms + [math.inf] * missing
