"""Ctrl-C while a library works that calls back into Python."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def kept_interrupts(keep: Callable[[BaseException], None]) -> Iterator[None]:
    """What handlers of signals raise goes to `keep` instead of into whatever runs.

    That may be a callback of TensorRT, which prints an exception and goes on: Ctrl-C was lost (seen here).
    Handlers that raise nothing work as ever. Off the main thread, which alone handles signals, this does
    nothing.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        assert callable(handler), 'only those are stood in for'
        try:
            handler(number, frame)
        except BaseException as failure:
            keep(failure)

    replaced = [number for number, handler in before.items() if callable(handler)]
    for number in replaced:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])
