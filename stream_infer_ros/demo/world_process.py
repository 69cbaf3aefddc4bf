"""The simulated cameras in another process, as on a robot."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from stream_infer_ros.capacity.child_events import ChildEvents
from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.errors import WorldError

# Ctrl-C in a terminal does not reach the child, because it is in another process group: this process decides
# when it ends. It stays in the session of this process where Python supports that. Linux with autogroup
# divides the processors evenly among sessions: in another session, the renderers would take time from the
# pipeline in spite of their low priority.
_WITHOUT_CTRL_C: dict[str, Any] = (
    {'process_group': 0} if sys.version_info >= (3, 11) else {'start_new_session': True}
)


@dataclass(frozen=True, slots=True)
class WorldReport:
    """The report of the world at its end.

    Attributes:
        frames: images published.
        missed: images that could not be rendered in time.
        late_ms_p99: time from the stamp to the publication of an image, milliseconds.
        cpu_s: processor seconds, including the renderers.
        peak_rss_mb: peak memory, including the renderers.
    """

    frames: int
    missed: int
    late_ms_p99: float
    cpu_s: float
    peak_rss_mb: float


class WorldProcess:
    """`stream_infer simulate --json` as a child process."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._events: ChildEvents | None = None

    def start(self) -> None:
        options = self._options
        command = [sys.executable, '-m', 'stream_infer_ros', 'simulate', '--json', '--loopback', '--lifeline']
        command += ['--seed', str(options.seed), '--cameras', str(options.load.cameras)]
        command += ['--rate', str(options.load.rate_hz), '--seconds', str(options.seconds)]
        command += ['--domain-id', str(options.domain_id), '--graph', options.graph]
        # The child's standard input closes when this process ends, for whatever reason.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **_WITHOUT_CTRL_C
        )
        self._events = ChildEvents(self._process, 'the simulated world', WorldError)

    def answered(self) -> bool:
        """Return True once the cameras of the world stream, or its process has ended."""
        return self._events is not None and self._events.answered('epoch_ns')

    def epoch_ns(self, timeout_s: float) -> int:
        """Return the stamp at which the time of the world is zero. Raises WorldError if it does not start."""
        return int(self._started().wait('epoch_ns', timeout_s))

    def finish(self, timeout_s: float) -> WorldReport:
        """Wait for its report. Raises WorldError if it ended without one."""
        return WorldReport(**self._started().wait('report', timeout_s))

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process now. Safe to call at any time."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _started(self) -> ChildEvents:
        if self._events is None:
            raise WorldError('expected start() before any other call')
        return self._events
