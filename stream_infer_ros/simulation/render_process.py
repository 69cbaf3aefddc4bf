"""Rendering in other processes, with low priority.

A real camera needs no processor time to expose, so that rendering may use only the time that is left. A
thread of low priority could not be used: it may hold the interpreter lock while it waits for a processor.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol

import cv2

from stream_infer_ros.errors import WorldError
from stream_infer_ros.simulation.schedule import Exposure

# Time limit for its end, seconds. It notices the end after the image in work.
_END_S = 5.0
# About a tenth of the processor time of a process of normal priority. With the scheduling class SCHED_IDLE,
# images were up to 98 s late beside four busy processes.
_NICE = 10


class Encoder(Protocol):
    """Renders and encodes an image: `ExposureEncoder`."""

    def encode(self, exposure: Exposure) -> bytes: ...


class RenderProcess:
    """An encoder in another process. A context manager; used by one thread at a time.

    Args:
        make: makes the encoder in the other process; it is pickled.
    """

    def __init__(self, make: Callable[[], Encoder]) -> None:
        context = multiprocessing.get_context(
            'spawn'
        )  # a fork would copy locks that threads of the middleware hold
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(make, theirs), name='renderer', daemon=True)
        with _without_ctrl_c():
            self._process.start()
        theirs.close()  # so that the end of the process is noticed here

    def encode(self, exposure: Exposure) -> bytes:
        """Raises what the encoder raised in the other process, or WorldError if this has ended."""
        try:
            self._connection.send(exposure)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorldError(
                f'expected an image from the rendering process, but it has ended (exit code '
                f'{self._process.exitcode}); see its messages above, and check the free memory'
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        data: bytes = answer
        return data

    def close(self) -> None:
        """End the process. Safe to call twice."""
        self._connection.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> RenderProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RenderProcesses:
    """Several renderers behind one `encode`, which any number of threads may call. A context manager."""

    def __init__(self, make: Callable[[], Encoder], count: int) -> None:
        self._all = [RenderProcess(make) for _ in range(count)]
        self._free: queue.SimpleQueue[RenderProcess] = queue.SimpleQueue()
        for process in self._all:
            self._free.put(process)

    def encode(self, exposure: Exposure) -> bytes:
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
    """Start processes that ignore SIGINT: Ctrl-C reaches all processes, and would end them during imports."""
    if not hasattr(signal, 'pthread_sigmask'):
        yield
        return
    # Otherwise the start of the other process would start it, and it would reset the mask too early.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(make: Callable[[], Encoder], connection: Connection) -> None:
    """Render until the other end is closed, for whatever reason."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when this process ends
    cv2.setNumThreads(1)
    encoder = make()
    if hasattr(os, 'nice'):  # not before, because a busy machine would delay the start by many seconds
        os.nice(_NICE)
    while True:
        try:
            exposure = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer: bytes | BaseException = encoder.encode(exposure)
        except Exception as failure:  # raised again in the parent
            answer = failure
        try:
            connection.send(answer)
        except OSError:
            return
