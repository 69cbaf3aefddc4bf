"""A thread that looks after one server."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watch:
    """Calls `look` now and then; it returns how many seconds until the next time."""

    def __init__(self, name: str, look: Callable[[], float]) -> None:
        self._look = look
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def stop(self) -> None:
        """No look begins after this."""
        self._stopped = True
        self._wake.set()

    def join(self) -> None:
        """Wait for its end."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait_s = 0.0
        while True:
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._stopped:
                return
            wait_s = self._look()
