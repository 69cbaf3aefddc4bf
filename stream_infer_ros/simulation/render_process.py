"""Rendering in processes of their own, which yield to whoever has work to do.

A real camera costs its computer nothing to expose: rendering takes the time that is left. On a thread it
could not: one that waits for a processor may hold the interpreter's lock, and what is due would wait with it.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol

import cv2

from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation.schedule import Exposure

# Longest it may take to end: it looks up after each image.
_END_S, _LOOK_S = 5.0, 0.1


class Encoder(Protocol):
    """What renders: `ExposureEncoder`."""

    def encode(self, exposure: Exposure) -> bytes: ...


class RenderProcess:
    """An encoder in another process, used like the one here. A context manager; used by one thread at a time.

    Args:
        make: called over there to make the encoder; goes there pickled.
    """

    def __init__(self, make: Callable[[], Encoder]) -> None:
        context = multiprocessing.get_context('spawn')  # a fork would copy the middleware's threads' locks
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(make, theirs), name='renderer', daemon=True)
        with _without_ctrl_c():
            self._process.start()
        theirs.close()  # so that its end is seen here

    def encode(self, exposure: Exposure) -> bytes:
        """Raises what the encoder raised in the other process, or WorldError if this has ended."""
        try:
            self._connection.send(exposure)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorldError(
                f'the process that renders was expected to answer and is gone (exit code '
                f'{self._process.exitcode}); see its messages above, and whether memory ran out'
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        data: bytes = answer
        return data

    def close(self) -> None:
        """End it. Safe to call twice."""
        self._connection.close()
        end_s = time.monotonic() + _END_S
        while self._process.is_alive() and time.monotonic() < end_s:
            # Repeatedly, because a process that has only just started still lowers its own priority.
            self._raise_priority()
            self._process.join(_LOOK_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _raise_priority(self) -> None:
        """Give the process the usual priority: an idle one would end only once the machine is idle."""
        if sys.platform == 'linux':
            with suppress(OSError):  # it has just ended
                os.sched_setscheduler(self._process.pid or 0, os.SCHED_OTHER, os.sched_param(0))

    def __enter__(self) -> RenderProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RenderProcesses:
    """Several of them behind one `encode`, which as many threads may call at a time. A context manager."""

    def __init__(self, make: Callable[[], Encoder], count: int) -> None:
        self._all = [RenderProcess(make) for _ in range(count)]
        self._free: queue.SimpleQueue[RenderProcess] = queue.SimpleQueue()
        for process in self._all:
            self._free.put(process)

    def encode(self, exposure: Exposure) -> bytes:
        """See RenderProcess."""
        process = self._free.get()
        try:
            return process.encode(exposure)
        finally:
            self._free.put(process)

    def close(self) -> None:
        """End all processes. Safe to call twice."""
        for process in self._all:
            process.close()

    def __enter__(self) -> RenderProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """What is started inside does not hear SIGINT: Ctrl-C goes to all, and would end it while it imports."""
    if not hasattr(signal, 'pthread_sigmask'):
        yield
        return
    # Started by itself it would take the mask off again, before the other process is there.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(make: Callable[[], Encoder], connection: Connection) -> None:
    """Answer until the other end is closed, however that came about."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides when it is over
    cv2.setNumThreads(1)
    encoder = make()
    if sys.platform == 'linux':  # not before, because a busy machine would delay the start by many seconds
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        try:
            exposure = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer: bytes | BaseException = encoder.encode(exposure)
        except Exception as failure:  # raised again on the other side
            answer = failure
        try:
            connection.send(answer)
        except OSError:
            return
