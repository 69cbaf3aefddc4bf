"""The process of the cameras, seen from the process of what they are offered to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from stream_infer_ros.capacity.camera_load import LoadReport
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.told import Told

# To import, render and be discovered; and beyond what it streams.
_START_S, _SLACK_S = 60.0, 30.0


def stream_cameras(
    options: TrialOptions,
    running: Callable[[float], bool],
    on_begin: Callable[[int], None] = lambda _: None,
) -> tuple[int, LoadReport]:
    """Have the cameras of a trial stream from a process of their own; when they began, and what they say.

    `running(0)` is called meanwhile and may raise; `on_begin` hears the beginning, nanoseconds, just before.
    Raises GraphError if the process fails.
    """
    command = [sys.executable, '-m', 'stream_infer_ros.capacity.camera_process', options.to_json()]
    # In a session of its own it does not hear Ctrl-C: it ends with its input, and says nothing.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        told = Told(process, 'the process of the cameras')
        until_s = options.counted_ns[1] / 1e9 + options.bound_ms * 1e-3
        epoch_ns = int(told.wait('epoch_ns', _START_S, running))
        on_begin(epoch_ns)
        report = told.wait('report', until_s + _SLACK_S, running)
        return epoch_ns, LoadReport(**report)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
