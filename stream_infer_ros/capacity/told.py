"""What a process that was started here tells, in JSON lines on its standard output."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from stream_infer_ros.errors import GraphError


class Told:
    """Reads from the beginning, on a thread of its own; lines that are no JSON go to standard error.

    Args:
        process: with its standard output as a pipe of text; each of its lines is one JSON object.
        who: it is, for messages: 'the process of the cameras'.
    """

    def __init__(self, process: subprocess.Popen[str], who: str) -> None:
        self._process, self._who = process, who
        self._told: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, name=f'output of {who}', daemon=True).start()

    def wait(self, key: str, timeout_s: float, running: Callable[[float], bool] = lambda _: True) -> Any:
        """The value of that key, as soon as a line has told it.

        `running(0)` is called meanwhile and may raise. Raises GraphError if nothing comes in that time, or
        the process ends without.
        """
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            while key not in self._told and not self._ended and time.monotonic() < give_up_s:
                self._changed.wait(0.2)
                running(0)
            if key in self._told:
                return self._told[key]
        raise GraphError(
            f'{self._who} was expected to tell its {key} within {timeout_s:.0f} s and did not '
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
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)  # its output ends a moment before it has an exit code
        with self._changed:
            self._ended = True
            self._changed.notify_all()
