"""Trials of a peer in one process, with the cameras of `capacity` in another, judged by the same Tally."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from peers.talk import Setting
from ros_setup import ROOT, in_ros

from stream_infer_ros.capacity import Tally, TrialOptions, TrialResult
from stream_infer_ros.capacity.camera_process import stream_cameras
from stream_infer_ros.capacity.child_events import ChildEvents
from stream_infer_ros.errors import GraphError

HERE = Path(__file__).resolve().parent
# To import and load a network; to answer at the end.
START_S, END_S = 60.0, 20.0


class PeerBench:
    """Trial after trial with a peer, which is started anew for each.

    Args:
        module: of `peers`.
        model, engine: see Setting.
        ros: setup.bash of the shell it wants, if any.
        endpoint: see Setting.
        also_cpu_s: processor seconds so far of what runs beside it (a server).
    """

    def __init__(
        self,
        module: str,
        model: Path,
        engine: str,
        ros: Path | None = None,
        endpoint: str = '',
        also_cpu_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._module, self._model, self._engine = module, model, engine
        self._ros, self._endpoint, self._also_cpu_s = ros, endpoint, also_cpu_s

    def run(self, options: TrialOptions) -> tuple[TrialResult, Tally]:
        """One trial. Raises GraphError if the peer or the cameras fail."""
        setting = Setting(options, str(self._model), self._engine, self._endpoint)
        command = [sys.executable, '-m', f'peers.{self._module}', setting.to_json()]
        peer = _Peer(in_ros(self._ros, command) if self._ros else command, options.domain_id)
        try:
            peer.told.wait('ready', START_S)
            also_s = self._also_cpu_s()
            epoch_ns, report = stream_cameras(options, peer.running)
            time.sleep(options.bound_ms * 2e-3)
            also_s = self._also_cpu_s() - also_s
            peer.end()
            published, cpu_s = peer.told.wait('results', END_S), peer.told.wait('cpu_s', END_S)
        finally:
            peer.kill()
        tally = Tally(options)
        values = iter(published)
        for camera, stamp_ns, out_ns in zip(values, values, values, strict=True):
            tally.published(camera, stamp_ns - epoch_ns, out_ns - epoch_ns)
        result = replace(
            tally.result(),
            cpu_s=cpu_s + also_s,
            camera_cpu_s=report.cpu_s,
            camera_late_ms=report.late_ms,
        )
        return result, tally


class _Peer:
    def __init__(self, command: list[str], domain_id: int) -> None:
        paths = [str(HERE), str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]
        environment = os.environ | {'PYTHONPATH': ':'.join(paths), 'ROS_DOMAIN_ID': str(domain_id)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.told = ChildEvents(self._process, 'the peer')

    def running(self, _wait_s: float) -> bool:
        """True; raises if it ended by itself."""
        if self._process.poll() is not None:
            raise GraphError(f'the peer ended with exit code {self._process.poll()}; see its messages above')
        return True

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write('end\n')
        self._process.stdin.flush()

    def kill(self) -> None:
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
