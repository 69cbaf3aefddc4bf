"""One process at a time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.2


@contextmanager
def locked(
    path: Path, on_wait: Callable[[], None], pause: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the lock of a file, which is made and stays; the system lets go of it when a process ends.

    `on_wait` is called again and again while another holds it; what it raises ends the wait. Raises OSError
    if the file cannot be made or its file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                on_wait()
                pause(POLL_S)
        yield
    finally:
        os.close(descriptor)
