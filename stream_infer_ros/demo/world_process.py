"""The simulated cameras in a process of their own, as on a robot."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from stream_infer_ros.demo.options import DemoOptions
from stream_infer_ros.errors import WorldError

# Ctrl-C in a terminal does not reach the child, because it is in another process group: this process decides
# when it ends. It stays in the session of this process where Python supports that. Linux with autogroup
# divides the processors evenly among sessions: in another session, the renderers would take time from the
# pipeline in spite of their idle priority.
_WITHOUT_CTRL_C: dict[str, Any] = (
    {'process_group': 0} if sys.version_info >= (3, 11) else {'start_new_session': True}
)


@dataclass(frozen=True, slots=True)
class WorldReport:
    """The report of the world at its end.

    Attributes:
        frames: images published.
        missed: images given up because they could not be rendered in time.
        late_ms_p99: publish time minus stamp, milliseconds: what the world itself added.
        cpu_s: processor seconds it took, rendering included.
        peak_rss_mb: most memory it held, its renderer's included.
    """

    frames: int
    missed: int
    late_ms_p99: float
    cpu_s: float
    peak_rss_mb: float


class WorldProcess:
    """`stream_infer simulate --json` as a child. Its standard output is one JSON object per line."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._events: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._process: subprocess.Popen[str] | None = None

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
        threading.Thread(target=self._read, args=(self._process,), name='world output', daemon=True).start()

    def answered(self) -> bool:
        """True once the cameras of the world stream, or its process has ended."""
        with self._changed:
            return 'started' in self._events or self._ended

    def epoch_ns(self, timeout_s: float) -> int:
        """Time zero of the world on the system's clock, once its cameras stream. Raises WorldError."""
        return int(self._wait('started', timeout_s)['epoch_ns'])

    def finish(self, timeout_s: float) -> WorldReport:
        """Wait for its end. Raises WorldError if it ended badly."""
        return WorldReport(**self._wait('finished', timeout_s)['report'])

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it now. Safe to call at any time."""
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

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:  # a library's own words
                sys.stderr.write(line)
                continue
            with self._changed:
                self._events[event['event']] = event
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, event: str, timeout_s: float) -> dict[str, Any]:
        with self._changed:
            self._changed.wait_for(lambda: event in self._events or self._ended, timeout_s)
            if event in self._events:
                return self._events[event]
        raise WorldError(
            f'the simulated world was expected to report {event!r} within {timeout_s:.0f} s and '
            f'{"ended" if self._ended else "is still running"} without; see its messages above'
        )
