"""The protocol between a peer process and the benchmark: JSON lines on its output, words on its input."""

from __future__ import annotations

import json
import sys
import threading
import time
from array import array
from dataclasses import dataclass
from typing import Any

from stream_infer_ros.capacity import TrialOptions


@dataclass(frozen=True, slots=True)
class Setting:
    """The settings of a peer.

    Attributes:
        options: of the trial.
        model: file of the network.
        engine: kind of the runtime: 'openvino' or 'onnxruntime'.
        endpoint: of a server, for peers that ask one.
    """

    options: TrialOptions
    model: str
    engine: str
    endpoint: str = ''

    @classmethod
    def told(cls) -> Setting:
        """From the command line of this process."""
        values = json.loads(sys.argv[1])
        return cls(TrialOptions.from_json(values.pop('options')), **values)

    def to_json(self) -> str:
        values = {name: getattr(self, name) for name in ('model', 'engine', 'endpoint')}
        return json.dumps({'options': self.options.to_json(), **values})


class Results:
    """(camera, stamp, when its result was out), and the processor time between ready and end."""

    def __init__(self) -> None:
        self._all = array('q')
        self._lock = threading.Lock()
        self._began_s = 0.0

    def published(self, camera: int, stamp_ns: int) -> None:
        """The result of a frame is out now."""
        with self._lock:
            self._all.extend((camera, stamp_ns, time.time_ns()))

    def ready(self) -> None:
        """Everything listens."""
        self._began_s = time.process_time()
        print(json.dumps({'ready': True}), flush=True)

    def wait_for_end(self) -> None:
        """Until the benchmark says so, or is gone; then tell all."""
        sys.stdin.readline()
        told: dict[str, Any] = {'cpu_s': time.process_time() - self._began_s}
        with self._lock:
            told['results'] = list(self._all)
        print(json.dumps(told), flush=True)
