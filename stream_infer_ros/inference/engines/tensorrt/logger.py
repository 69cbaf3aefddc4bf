"""What TensorRT says while it works."""

from __future__ import annotations

import logging
import threading
from typing import Any

_log = logging.getLogger(__name__)


def logger_of(trt: Any) -> Any:
    """An ILogger that keeps the errors, for the message of the exception that follows.

    A process has one: TensorRT goes on with the first it was given. Warnings go to `logging` as information:
    they are for those who write networks, not for those who run robots.
    """

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: list[str] = []
            self._lock = threading.Lock()

        def log(self, severity: Any, message: str) -> None:
            """TensorRT calls this, from any thread."""
            if severity in {trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR}:
                with self._lock:
                    self._errors.append(message)
                _log.debug(message)
            elif severity == trt.ILogger.Severity.WARNING:
                _log.info(message)

        def taken_errors(self) -> list[str]:
            """What was said since the last call, oldest first."""
            with self._lock:
                errors, self._errors = self._errors, []
            return errors

    return Logger()
