"""Ctrl-C and SIGTERM end a program in order; while it is only loading, at once."""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# Longest that a program may take to end in order, for those who expect an end within two seconds.
GRACE_S = 1.2

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NO_SIGNAL = b'\0'


def exit_on_signal(code: int) -> Callable[[], None]:
    """End the process with `code` as soon as SIGINT or SIGTERM comes; returns what restores the handlers.

    For the time in which a program imports what it is made of. An exception that a handler raised there could
    be swallowed, or be reported as a failed import.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        os._exit(code)

    return _handle_by(handle)


@contextmanager
def stop_on_signal(
    for_good: bool = False, grace_s: float | None = None, code: int = 0
) -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; the handlers before are put back at the end.

    A thread sets the event. A handler could not: it runs in the main thread, which may hold the event's lock.
    The thread also hears a signal while the main thread waits for something else.

    Args:
        for_good: the process ends with the block, and signals that come later are ignored. Ctrl-C in a
            terminal reaches a node twice, once by `ros2 launch`; the second must not kill it on its way out.
        grace_s: a program that still runs so long after a signal is ended with exit code `code`, since an
            engine that is being compiled, for one, cannot be interrupted. None: it may take any time.
    """
    stop = threading.Event()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    watch = threading.Thread(target=_watch, args=(reader, stop, grace_s, code), name='signals', daemon=True)
    watch.start()
    writer_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    put_back = _handle_by(_do_nothing)
    try:
        yield stop
    finally:
        if for_good:
            _handle_by(signal.SIG_IGN)
        else:
            put_back()
            signal.set_wakeup_fd(writer_before)
            os.write(writer, _NO_SIGNAL)
            watch.join()
            os.close(reader)
            os.close(writer)


def _watch(reader: int, stop: threading.Event, grace_s: float | None, code: int) -> None:
    """Set `stop` on the first signal at `reader`, and end the process if it outlives its grace."""
    end_s = math.inf
    while True:
        left_s = end_s - time.monotonic()
        heard, _, _ = select.select([reader], [], [], None if math.isinf(left_s) else max(left_s, 0.0))
        if not heard:
            sys.stderr.write('still at work when told to stop; what it was doing is given up\n')
            end_now(code)
        number = os.read(reader, 1)
        if number == _NO_SIGNAL:
            return
        if number[0] in _SIGNALS and not stop.is_set():
            stop.set()
            end_s = math.inf if grace_s is None else time.monotonic() + grace_s


def end_now(code: int) -> NoReturn:
    """End the process now: threads that are still at work are not waited for, and no library is unloaded.

    On a busy machine the end of the interpreter alone takes up to 1.5 s.
    """
    sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stdout.write('\033[?25h')  # a live table hides the cursor
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _handle_by(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Callable[[], None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}

    def put_back() -> None:
        for number, former in before.items():
            signal.signal(number, former)

    return put_back


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Hear the signal: without a handler in Python, nothing is written for `_watch`."""
