"""Several servers as one: each request goes to the best server, and to another one if it fails there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

from stream_infer_ros.errors import InferenceMissed, ModelError
from stream_infer_ros.inference.engines.kserve.balancer import Balancer
from stream_infer_ros.inference.engines.kserve.client import AttemptFailed
from stream_infer_ros.inference.engines.kserve.health import BreakerState, Watch
from stream_infer_ros.inference.engines.kserve.served_model import ServedModel
from stream_infer_ros.inference.engines.kserve.server import Part, Server

# Time limit of calls other than inference.
QUESTION_S = 1.0
# Time limits of a warm-up run: when the engine is loaded, and for a server that is to be used again.
FIRST_REHEARSAL_S = 30.0
REHEARSAL_S = 5.0
# The period of health checks of a server in use, and of one that is not in use.
USED_PERIOD_S = 1.0
UNUSED_PERIOD_S = 0.2
# The number of late health checks in a row that counts as a failure. A busy server may be late once.
MOST_LATE_CHECKS = 2
FAREWELL_S = 0.3

_log = logging.getLogger(__name__)


class ServerGroup:
    """The servers of an engine. A thread for each checks its health."""

    def __init__(self, servers: Sequence[Server], clock_s: Callable[[], float] = time.monotonic) -> None:
        self._servers = servers
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._balancer = Balancer(len(servers))
        self._expected: ServedModel | None = None
        self._late_checks = [0] * len(servers)
        self._rehearsed_s = [0.0] * len(servers)
        self._rehearsal: NDArray[Any] | None = None
        self._said = [BreakerState.CLOSED] * len(servers)
        self._closing = False
        self._watches = [
            Watch(f'kserve {server.endpoint}', lambda number=number: self._look(number))  # type: ignore[misc]
            for number, server in enumerate(servers)
        ]

    def connect(self) -> ServedModel | None:
        """Return the model that the servers serve, or None if no server answers.

        The first server that answers decides; the others must serve the same model.
        """
        with ThreadPoolExecutor(len(self._servers)) as pool:
            reasons = list(pool.map(self._prepare, range(len(self._servers))))
        served = [
            server.served
            for server, why in zip(self._servers, reasons, strict=True)
            if not why and server.served
        ]
        self._expected = served[0] if served else None
        for number, reason in enumerate(reasons):
            self._checked(number, reason or self._difference(number))
        return self._expected

    def rehearse(self, images: NDArray[Any], capacity: int) -> None:
        """Warm up every server with these images, now and before it is used again after a failure.

        `capacity` is the largest number of images of a batch, of which these are a part.
        """
        self._rehearsal = images
        for server in self._servers:
            server.expect(capacity, images.nbytes // len(images))
        ready = [n for n, state in enumerate(self._balancer.states()) if state is not BreakerState.OPEN]
        with ThreadPoolExecutor(len(self._servers)) as pool:
            reasons = list(pool.map(lambda number: self._rehearse(number, FIRST_REHEARSAL_S), ready))
        for number, reason in zip(ready, reasons, strict=True):
            self._checked(number, reason)

    def expect(self, model: ServedModel) -> None:
        """Set the model that servers must serve, for the case that `connect` found no server."""
        self._expected = model

    def watch(self) -> None:
        """Start the health checks."""
        for watch in self._watches:
            watch.start()

    def usable(self) -> bool:
        """True if at least one server may get a request now."""
        with self._lock:
            return self._balancer.usable()

    def most_at_once(self) -> int:
        """Return the number of images that every server accepts in one request; 0 for no limit."""
        limits = [server.served.max_batch for server in self._servers if server.served is not None]
        return min((limit for limit in limits if limit > 0), default=0)

    def rehearsed_s(self) -> float:
        """Return the duration of the fastest server's last warm-up run; 0 if there was none."""
        return min((taken_s for taken_s in self._rehearsed_s if taken_s), default=0.0)

    def run(self, part: Part, deadline_s: float) -> dict[str, NDArray[Any]]:
        """Return outputs by name. Raises InferenceMissed with the errors of all servers that were tried."""
        tried: dict[int, str] = {}
        while True:
            with self._lock:
                choice = self._balancer.choose(deadline_s - self._clock_s(), tried)
            if choice is None:
                raise InferenceMissed(self._missed(tried, deadline_s))
            start_s = self._clock_s()
            try:
                outputs = self._servers[choice.server].run(part, choice.within_s)
            except AttemptFailed as error:
                late = error.cause == 'late'
                reason = f'no answer within {choice.within_s * 1e3:.0f} ms' if late else str(error)
                with self._lock:
                    self._balancer.failed(choice, error.cause, reason, self._clock_s())
                    self._say(choice.server)
                tried[choice.server] = reason
                self._watches[choice.server].wake()
                continue
            with self._lock:
                self._balancer.succeeded(choice.server, self._clock_s() - start_s)
                self._say(choice.server)
            if not self._servers[choice.server].is_sharing():
                self._watches[choice.server].wake()
            return outputs

    def reasons(self) -> str:
        """Return every server with its last failure, as text."""
        return '; '.join(
            f'{server.endpoint}: {self._balancer.reason(number) or "answered last"}'
            for number, server in enumerate(self._servers)
        )

    def close(self) -> None:
        """End the threads and close the connections. May be called twice."""
        self._closing = True  # running checks fail now, which must not be logged
        for watch in self._watches:
            watch.stop()
        for number, server in enumerate(self._servers):
            answers = self._balancer.states()[number] is not BreakerState.OPEN
            server.close(FAREWELL_S if answers else FAREWELL_S / 3)
        for watch in self._watches:
            watch.join()

    def _missed(self, tried: dict[int, str], deadline_s: float) -> str:
        left_ms = (deadline_s - self._clock_s()) * 1e3
        with self._lock:
            states = self._balancer.states()
            errors = []
            for number, server in enumerate(self._servers):
                if number in tried:
                    errors.append(f'{server.endpoint} failed: {tried[number]}')
                elif states[number] is BreakerState.OPEN:
                    errors.append(f'{server.endpoint} is not used: {self._balancer.reason(number)}')
                else:
                    usual_ms = self._balancer.usual_s(number) * 1e3
                    errors.append(f'{server.endpoint} was not asked: it takes up to {usual_ms:.0f} ms')
        return (
            f'expected a result from one of {len(self._servers)} servers, got none, {max(left_ms, 0):.0f} ms '
            f'are left ({"; ".join(errors)}); check the servers, or increase bound_ms or '
            f'engine.kserve.timeout_ms'
        )

    def _look(self, number: int) -> float:
        """Check the health of a server once. Return the seconds until the next check."""
        with self._lock:
            unused = self._balancer.states()[number] is BreakerState.OPEN
        self._checked(number, self._inspect(number) if unused else self._glance(number))
        with self._lock:
            unused = self._balancer.states()[number] is BreakerState.OPEN
        return UNUSED_PERIOD_S if unused else USED_PERIOD_S

    def _glance(self, number: int) -> str:
        """Return why a server in use is no longer ready; empty if it is."""
        try:
            self._servers[number].check(QUESTION_S)
            if not self._servers[number].is_sharing():
                self._servers[number].share(QUESTION_S)
        except AttemptFailed as error:
            if error.cause == 'late':
                self._late_checks[number] += 1
                if self._late_checks[number] < MOST_LATE_CHECKS:
                    return ''
            return str(error)
        self._late_checks[number] = 0
        return ''

    def _inspect(self, number: int) -> str:
        """Return why a server that is not in use cannot be used again; empty if it can."""
        return self._prepare(number) or self._difference(number) or self._rehearse(number, REHEARSAL_S)

    def _prepare(self, number: int) -> str:
        try:
            self._servers[number].prepare(QUESTION_S)
        except (AttemptFailed, ModelError) as error:
            return str(error)
        self._late_checks[number] = 0
        return ''

    def _rehearse(self, number: int, within_s: float) -> str:
        if self._rehearsal is None:
            return ''
        try:
            self._servers[number].share(QUESTION_S)
            start_s = self._clock_s()
            self._servers[number].rehearse(self._rehearsal[: self.most_at_once() or None], within_s)
        except AttemptFailed as error:
            return f'it is ready, but does not run the model: {error}'
        self._rehearsed_s[number] = self._clock_s() - start_s
        return ''

    def _difference(self, number: int) -> str:
        served = self._servers[number].served
        if self._expected is None or served is None:
            return ''
        difference = self._expected.difference(served)
        return f'it serves another model now: {difference}' if difference else ''

    def _checked(self, number: int, reason: str) -> None:
        with self._lock:
            self._balancer.checked(number, reason, self._clock_s())
            self._say(number)

    def _say(self, number: int) -> None:
        """Log when a server is no longer used and when it is used again. Call this with the lock held."""
        state = self._balancer.states()[number]
        if self._closing or state is self._said[number] or state is BreakerState.HALF_OPEN:
            return
        self._said[number] = state
        endpoint = self._servers[number].endpoint
        if state is BreakerState.OPEN:
            _log.warning('%s is not used for now: %s', endpoint, self._balancer.reason(number))
        else:
            _log.warning('%s is used again', endpoint)
