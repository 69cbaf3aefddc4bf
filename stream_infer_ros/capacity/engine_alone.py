"""The number of streams that the engine alone can process, without cameras, middleware and pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.search import most_held
from stream_infer_ros.inference.engines import Engine
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.pipeline.health.durations import percentiles

LOADGEN = 'mlperf_loadgen'


def engine_streams(
    engine: Engine, options: TrialOptions, most: int, confirmations: int = 0
) -> dict[str, Any]:
    """Return the largest N for which a query of N images every period is answered within the bound (p99).

    `streams` is measured open loop, with `confirmations` as in `search`. `streams_loadgen` is measured with
    LoadGen of MLCommons (MultiStream, closed loop: p99 of a query of N); None if it is not installed.
    """
    image_input = ImageInput.of(engine.io)
    shape = most, image_input.height, image_input.width, 3
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def infer(n: int) -> None:
        for _ in engine.run(images[:n]):
            pass

    infer(most)
    ours = most_held(lambda n: _holds(infer, n, options), most, confirmations)
    loadgen = None
    if find_spec(LOADGEN) is not None:
        loadgen = most_held(lambda n: _holds_in_loadgen(infer, n, options), most, 0)
    return {'streams': ours, 'streams_loadgen': loadgen}


def _holds(infer: Callable[[int], None], n: int, options: TrialOptions) -> bool:
    """Measure open loop: the latency includes the time that a query waits for the previous one."""
    period_s, queries = 1.0 / options.rate_hz, max(1, round(options.seconds * options.rate_hz))
    latencies_ns = []
    start_s = time.perf_counter()
    for query in range(queries):
        due_s = start_s + query * period_s
        left_s = due_s - time.perf_counter()
        if left_s > 0:
            time.sleep(left_s)
        infer(n)
        latencies_ns.append(round((time.perf_counter() - due_s) * 1e9))
    told = percentiles(np.array(latencies_ns, np.int64))
    return told is not None and told.p99 <= options.bound_ms


def _holds_in_loadgen(infer: Callable[[int], None], n: int, options: TrialOptions) -> bool:
    import mlperf_loadgen as lg  # noqa: PLC0415 (an extra)

    latencies_ns: list[int] = []

    def issue(samples: list[Any]) -> None:
        start_ns = time.perf_counter_ns()
        infer(len(samples))
        latencies_ns.append(time.perf_counter_ns() - start_ns)
        lg.QuerySamplesComplete([lg.QuerySampleResponse(sample.id, 0, 0) for sample in samples])

    settings = lg.TestSettings()
    settings.scenario = lg.TestScenario.MultiStream
    settings.mode = lg.TestMode.PerformanceOnly
    settings.multi_stream_samples_per_query = n
    settings.multi_stream_expected_latency_ns = round(options.bound_ms * 1e6)
    settings.multi_stream_target_latency_percentile = 0.99
    settings.min_duration_ms = round(options.seconds * 1e3)
    settings.min_query_count = max(1, round(options.seconds * options.rate_hz))
    sut = lg.ConstructSUT(issue, lambda: None)
    library = lg.ConstructQSL(n, n, lambda _: None, lambda _: None)
    logs = lg.LogSettings()
    output = lg.LogOutputSettings()
    try:
        with TemporaryDirectory() as folder:  # it always writes; what is wanted is measured above
            output.outdir = folder
            logs.log_output = output
            lg.StartTestWithLogSettings(sut, library, settings, logs)
    finally:
        lg.DestroyQSL(library)
        lg.DestroySUT(sut)
    told = percentiles(np.array(latencies_ns, np.int64))
    period_ms = 1e3 / options.rate_hz
    return told is not None and told.p99 <= min(options.bound_ms, period_ms)
