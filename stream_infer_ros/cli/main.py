"""The command `stream_infer`.

The rest of the program takes a second to load, and longer on a busy machine. It is loaded once signals are
handled.
"""

from __future__ import annotations

import sys
from importlib import import_module

from stream_infer_ros.cli.stopping import end_now, exit_on_signal

# Commands that users normally end with Ctrl-C. All others are incomplete if they are interrupted.
ENDED_BY_SIGNAL = ('run', 'demo', 'simulate')
INTERRUPTED = 130


def main() -> None:
    """Load and run one command, then end the process."""
    ended_by_signal = sys.argv[1:2] and sys.argv[1] in ENDED_BY_SIGNAL
    put_back = exit_on_signal(0 if ended_by_signal else INTERRUPTED)
    app = import_module('stream_infer_ros.cli.app')
    if not ended_by_signal:
        put_back()
    try:
        app.run_app()
    except SystemExit as ended:
        if ended_by_signal and not ended.code:
            end_now(0)
        raise
