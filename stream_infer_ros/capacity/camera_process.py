"""The process of the cameras of one trial: `stream_cameras` starts it, `main` is what it runs.

`python -m stream_infer_ros.capacity.camera_process OPTIONS` reports in JSON lines, and ends when its standard
input ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict

import cv2

from stream_infer_ros.capacity.camera_load import CameraLoad, LoadReport
from stream_infer_ros.capacity.child_events import ChildEvents
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph
from stream_infer_ros.process_memory import keep_freed_memory

# Time limits for the start (import, render, discover subscribers), and beyond the streaming time.
_START_S, _SLACK_S = 60.0, 30.0
# Time between the report of the first stamp and the first stamp, nanoseconds.
_LEAD_NS = 200_000_000
# Time for the middleware to send the last images before the graph closes.
_DRAIN_S = 0.5


def stream_cameras(
    options: TrialOptions,
    check_running: Callable[[float], bool],
    on_begin: Callable[[int], None] = lambda _: None,
) -> tuple[int, LoadReport]:
    """Run the cameras of a trial in another process. Return the time of the first stamp, and their report.

    Args:
        options: of the trial.
        check_running: called as `check_running(0)` several times a second; it may raise.
        on_begin: called with the time of the first stamp, nanoseconds, shortly before it.

    Raises GraphError if the process fails.
    """
    command = [sys.executable, '-m', 'stream_infer_ros.capacity.camera_process', options.to_json()]
    # Ctrl-C does not reach a process in another session. It ends silently when its standard input is closed.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        events = ChildEvents(process, 'the process of the cameras')
        until_s = options.counted_ns[1] / 1e9 + options.bound_ms * 1e-3
        epoch_ns = int(events.wait('epoch_ns', _START_S, check_running))
        on_begin(epoch_ns)
        report = events.wait('report', until_s + _SLACK_S, check_running)
        return epoch_ns, LoadReport(**report)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    keep_freed_memory()
    cv2.setNumThreads(1)
    options = TrialOptions.from_json(sys.argv[1])
    ended = threading.Event()
    threading.Thread(target=_end_with_input, args=(ended,), daemon=True).start()
    config = GraphConfig(
        kind=options.graph, node_name='camera_load', domain_id=options.domain_id, loopback=True
    )
    graph = make_graph(config)
    try:
        load = CameraLoad(graph, options)
        load.wait_for_subscribers(ended.wait)
        epoch_ns = graph.now_ns() + _LEAD_NS
        print(json.dumps({'epoch_ns': epoch_ns}), flush=True)
        report = load.stream(epoch_ns, ended.is_set)
        print(json.dumps({'report': asdict(report)}), flush=True)
        ended.wait(_DRAIN_S)
    finally:
        graph.close()
    sys.stdout.flush()
    os._exit(0)  # the thread that reads standard input cannot be ended


def _end_with_input(ended: threading.Event) -> None:
    """Set `ended` when standard input ends: the parent has ended or needs no more images."""
    sys.stdin.read()
    ended.set()


if __name__ == '__main__':
    main()
