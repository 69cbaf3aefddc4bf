"""`python -m stream_infer_ros.capacity.camera_process OPTIONS`: the cameras of one trial.

It tells what it does in JSON lines, and ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict

import cv2

from stream_infer_ros.capacity.camera_load import CameraLoad
from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import make_graph
from stream_infer_ros.process_memory import keep_freed_memory

# From the telling of the beginning to it, nanoseconds.
_LEAD_NS = 200_000_000
# What is on its way is sent before the graph goes.
_DRAIN_S = 0.5


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
        load.wait_for_listeners(ended.wait)
        epoch_ns = graph.now_ns() + _LEAD_NS
        print(json.dumps({'epoch_ns': epoch_ns}), flush=True)
        report = load.stream(epoch_ns, ended.is_set)
        print(json.dumps({'report': asdict(report)}), flush=True)
        ended.wait(_DRAIN_S)
    finally:
        graph.close()
    sys.stdout.flush()
    os._exit(0)  # a thread that reads standard input cannot be ended


def _end_with_input(ended: threading.Event) -> None:
    """Whoever started this process is gone, or has what it wanted."""
    sys.stdin.read()
    ended.set()


if __name__ == '__main__':
    main()
