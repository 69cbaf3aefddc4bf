"""Stop a program on Ctrl-C or SIGTERM: in order, or immediately while it is still loading."""

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

# The longest time that a program may take to end in order. Users expect it to end within two seconds.
GRACE_S = 1.2

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NO_SIGNAL = b'\0'


def exit_on_signal(code: int) -> Callable[[], None]:
    """End the process with `code` on SIGINT or SIGTERM; return a function that restores the handlers.

    Use it while a program imports its modules. If a handler raised an exception at that time, it could be
    swallowed, or be reported as a failed import.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        os._exit(code)

    return _handle_by(handle)


@contextmanager
def stop_on_signal(
    for_good: bool = False, grace_s: float | None = None, code: int = 0
) -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; restore the previous handlers at the end.

    A separate thread sets the event. A signal handler cannot do so, because it runs in the main thread, which
    may hold the event's lock. The thread also notices a signal while the main thread waits for something.

    Args:
        for_good: ignore later signals, because the process ends with the block. Ctrl-C in a terminal reaches
            a node twice, once through `ros2 launch`. The second signal must not kill the node while it shuts
            down.
        grace_s: if the program still runs this long after a signal, end it with exit code `code`. Some work,
            such as compiling an engine, cannot be interrupted. None: there is no limit.
        code: the exit code after `grace_s`.
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
    """Set `stop` on the first signal at `reader`; end the process if it still runs after `grace_s`."""
    end_s = math.inf
    while True:
        left_s = end_s - time.monotonic()
        heard, _, _ = select.select([reader], [], [], None if math.isinf(left_s) else max(left_s, 0.0))
        if not heard:
            sys.stderr.write('still busy after the stop signal; the work in progress is abandoned\n')
            end_now(code)
        number = os.read(reader, 1)
        if number == _NO_SIGNAL:
            return
        if number[0] in _SIGNALS and not stop.is_set():
            stop.set()
            end_s = math.inf if grace_s is None else time.monotonic() + grace_s


def end_now(code: int) -> NoReturn:
    """End the process now, without waiting for threads or unloading libraries.

    On a busy machine, shutting down the interpreter alone takes up to 1.5 s.
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
    """Do nothing. Without a Python handler, the signal would not be written to the pipe of `_watch`."""
