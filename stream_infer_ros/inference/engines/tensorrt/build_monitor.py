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
    """Phases inside steps of other phases.

    A phase is as far as its finished steps, and the step in work as far as the phases in it.
    """

    def __init__(self) -> None:
        self._phases: dict[str, _Phase] = {}
        self._fraction = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """A phase begins, inside `parent` if that is one."""
        self._phases[name] = _Phase(parent if parent in self._phases else None, max(1, steps))

    def step(self, name: str) -> None:
        """One more step of a phase is done."""
        if name in self._phases:
            self._phases[name].done += 1

    def finish(self, name: str) -> None:
        """A phase has ended; its parent counts the step itself."""
        self._phases.pop(name, None)

    def fraction(self) -> float:
        """Of the whole, 0 to 1; never less than it was."""
        roots = [name for name, phase in self._phases.items() if phase.parent is None]
        self._fraction = max(self._fraction, min((self._of(name) for name in roots), default=0.0))
        return self._fraction

    def _of(self, name: str) -> float:
        phase = self._phases[name]
        inside = max((self._of(n) for n, p in self._phases.items() if p.parent == name), default=0.0)
        return min(1.0, (phase.done + min(inside, 1.0)) / phase.steps)


def monitor_of(trt: Any, what: str, on_progress: OnProgress) -> Any:
    """An IProgressMonitor that tells `on_progress`, and ends the build when that says False or raises.

    Its `failure` is what was raised, its `cancelled` whether the build was ended: nothing may be raised
    through TensorRT.
    """

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.failure: BaseException | None = None
            self.cancelled = False
            self._tree = PhaseTree()
            self._lock = threading.Lock()  # TensorRT may call from threads of its own

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """TensorRT begins a phase."""
            with self._lock:
                self._tree.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            """TensorRT has done a step; False ends the build."""
            with self._lock:
                self._tree.step(phase_name)
                if not self.cancelled:
                    self._tell()
                return not self.cancelled

        def phase_finish(self, phase_name: str) -> None:
            """TensorRT has ended a phase."""
            with self._lock:
                self._tree.finish(phase_name)

        def give_up(self, failure: BaseException) -> None:
            """End the build at its next step; whoever started it raises `failure` then."""
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
