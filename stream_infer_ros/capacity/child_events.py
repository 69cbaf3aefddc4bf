"""Events of a child process: one JSON object per line on its standard output."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from stream_infer_ros.errors import GraphError, StreamInferError


class ChildEvents:
    """Collects the values that a child process reports. A thread reads them from the beginning.

    Lines that are not JSON, for example messages of a library, go to standard error.

    Args:
        process: has its standard output as a text pipe. Each line is one JSON object, whose keys name values.
        name: of the child, for messages: 'the process of the cameras'.
        error: raised by `wait`.
    """

    def __init__(
        self, process: subprocess.Popen[str], name: str, error: type[StreamInferError] = GraphError
    ) -> None:
        self._process, self._name, self._error = process, name, error
        self._values: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, name=f'output of {name}', daemon=True).start()

    def answered(self, key: str) -> bool:
        """Return True once the child has reported this value, or has ended."""
        with self._changed:
            return key in self._values or self._ended

    def wait(
        self, key: str, timeout_s: float, check_running: Callable[[float], bool] = lambda _: True
    ) -> Any:
        """Return the value of `key` as soon as the child has reported it.

        Meanwhile, `check_running(0)` is called several times a second; it may raise. Raises the error of the
        constructor if the child does not report the value in time or ends before.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while key not in self._values and not self._ended and time.monotonic() < deadline_s:
                self._changed.wait(0.2)
                check_running(0)
            if key in self._values:
                return self._values[key]
        raise self._error(
            f'expected {self._name} to report {key!r} within {timeout_s:.0f} s, but it did not (exit code '
            f'{self._process.poll()}); see its messages above'
        )

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                values = json.loads(line)
            except ValueError:
                sys.stderr.write(line)
                continue
            with self._changed:
                self._values |= values
                self._changed.notify_all()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)  # the exit code is known a moment after the end of the output
        with self._changed:
            self._ended = True
            self._changed.notify_all()
