"""The process of the cameras, seen from the process of what they are offered to."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from stream_infer_ros.capacity.camera_load import LoadReport
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.errors import GraphError

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
        told = _Told(process)
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


class _Told:
    """JSON lines of the cameras' process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._told: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, name='camera load output', daemon=True).start()

    def wait(self, key: str, timeout_s: float, running: Callable[[float], bool]) -> Any:
        """The value of that key; `running(0)` raises if the pipeline failed meanwhile."""
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            while key not in self._told and not self._ended and time.monotonic() < give_up_s:
                self._changed.wait(0.2)
                running(0)
            if key in self._told:
                return self._told[key]
        raise GraphError(
            f'the process of the cameras was expected to tell its {key} within {timeout_s:.0f} s and did not '
            f'(exit code {self._process.poll()}); see its messages above'
        )

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:  # a library's own words
                sys.stderr.write(line)
                continue
            with self._changed:
                self._told |= event
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
