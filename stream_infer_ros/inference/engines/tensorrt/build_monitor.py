"""Progress and interruption of a TensorRT build."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from stream_infer_ros.inference.engines.spec import OnProgress


@dataclass(slots=True)
class _Phase:
    parent: str | None
    steps: int
    done: int = 0


class PhaseTree:
    """The progress of nested phases. A phase is part of one step of its parent phase.

    The progress of a phase is its finished steps, plus the progress of the phases inside the current step.
    """

    def __init__(self) -> None:
        self._phases: dict[str, _Phase] = {}
        self._fraction = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Begin a phase, inside `parent` if that is a known phase."""
        self._phases[name] = _Phase(parent if parent in self._phases else None, max(1, steps))

    def step(self, name: str) -> None:
        """Count one finished step of a phase."""
        if name in self._phases:
            self._phases[name].done += 1

    def finish(self, name: str) -> None:
        """End a phase. Its parent counts the step separately."""
        self._phases.pop(name, None)

    def fraction(self) -> float:
        """Return the progress of the whole, 0 to 1. It never decreases."""
        roots = [name for name, phase in self._phases.items() if phase.parent is None]
        self._fraction = max(self._fraction, min((self._of(name) for name in roots), default=0.0))
        return self._fraction

    def _of(self, name: str) -> float:
        phase = self._phases[name]
        inside = max((self._of(n) for n, p in self._phases.items() if p.parent == name), default=0.0)
        return min(1.0, (phase.done + min(inside, 1.0)) / phase.steps)


def monitor_of(trt: Any, what: str, on_progress: OnProgress) -> Any:
    """Return an IProgressMonitor that calls `on_progress` and ends the build if that says so.

    It ends the build if `on_progress` returns False or raises an exception.

    No exception may pass through TensorRT. The monitor therefore keeps it as `failure`. `cancelled` is true
    if the build was ended.
    """

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.failure: BaseException | None = None
            self.cancelled = False
            self._tree = PhaseTree()
            self._lock = threading.Lock()  # TensorRT may call from its own threads

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """Handle the begin of a phase. TensorRT calls this."""
            with self._lock:
                self._tree.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            """Handle a finished step. Return False to end the build. TensorRT calls this."""
            with self._lock:
                self._tree.step(phase_name)
                if not self.cancelled:
                    self._tell()
                return not self.cancelled

        def phase_finish(self, phase_name: str) -> None:
            """Handle the end of a phase. TensorRT calls this."""
            with self._lock:
                self._tree.finish(phase_name)

        def give_up(self, failure: BaseException) -> None:
            """End the build at its next step. `build_serialized` then raises `failure`."""
            self.failure = failure
            self.cancelled = True

        def _tell(self) -> None:
            try:
                self.cancelled = not on_progress(what, self._tree.fraction())
            except BaseException as failure:
                self.give_up(failure)

    return Monitor()


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def kept_interrupts(keep: Callable[[BaseException], None]) -> Iterator[None]:
    """Pass exceptions of signal handlers (Ctrl-C) to `keep` while a library calls back into Python.

    Otherwise the exception could be raised inside a callback of TensorRT, which prints it and continues, so
    that Ctrl-C would be lost. Handlers that raise nothing work as before. Only the main thread handles
    signals; in other threads this does nothing.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        assert callable(handler), 'only callable handlers are replaced'
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
