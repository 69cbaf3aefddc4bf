"""An engine that fails is started again once; what follows is said, and nothing hangs."""

import numpy as np
import pytest

from stream_infer_ros.errors import EngineDown, EngineError, InferenceMissed, ModelError
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines.supervised_engine import (
    FORGIVEN_AFTER_S,
    EngineState,
    SupervisedEngine,
)

BATCH = np.zeros((2, 240, 320, 3), np.uint8)


class Fragile(FakeEngine):
    """Raises what it is told to, one at each call of `infer` or `load`; None: it works."""

    def __init__(self):
        super().__init__()
        self.infers, self.loads, self.closed = [], [], 0
        self.given_s, self.on_load = [], lambda: None

    def load(self):
        self.on_load()
        failure = self.loads.pop(0) if self.loads else None
        if failure:
            raise failure
        super().load()

    def infer(self, batch, n, within_s=float('inf')):
        self.given_s.append(within_s)
        failure = self.infers.pop(0) if self.infers else None
        if failure:
            raise failure
        return super().infer(batch, n)

    def close(self):
        self.closed += 1
        super().close()


@pytest.fixture
def made():
    fragile, now_s = Fragile(), [0.0]
    engine = SupervisedEngine(fragile, lambda: now_s[0])
    engine.load()
    return engine, fragile, now_s


def broken(words='lost the device'):
    return EngineError(words)


def test_one_failure_costs_a_restart_and_no_result(made):
    engine, fragile, now_s = made
    assert engine.health().state is EngineState.READY
    fragile.infers = [broken()]
    assert len(engine.infer(BATCH, 2)['boxes']) == 2
    assert fragile.closed == 1
    health = engine.health()
    assert (health.state, health.restarts) == (EngineState.RESTARTED, 1)
    assert 'lost the device' in health.reason
    now_s[0] += FORGIVEN_AFTER_S
    assert engine.health().state is EngineState.READY


class FragileEach(Fragile):
    """Fails after so many images, when told to."""

    gives = None

    def infer_each(self, batch, filling, within_s=float('inf')):
        n = max(filling)
        for index in range(n):
            if index == self.gives:
                self.gives = None
                raise broken()
            yield {'index': batch[index : index + 1, 0, 0, 0]}

    def infer(self, batch, n, within_s=float('inf')):
        super().infer(batch, n, within_s)
        return {'index': batch[:n, 0, 0, 0]}


@pytest.mark.parametrize('gives', [None, 0, 2, 3])
def test_after_a_failure_in_between_only_what_has_no_result_is_run_again(gives):
    fragile = FragileEach()
    engine = SupervisedEngine(fragile, lambda: 0.0)
    engine.load()
    fragile.gives = gives
    batch = np.zeros((5, 240, 320, 3), np.uint8)

    def filling():
        for index in range(4):
            batch[index] = 10 + index
            yield index + 1

    assert [int(one['index'][0]) for one in engine.infer_each(batch, filling())] == [10, 11, 12, 13]
    assert engine.health().restarts == (gives is not None)


def test_a_second_failure_in_between_is_down_and_so_is_the_next():
    fragile = FragileEach()
    engine = SupervisedEngine(fragile, lambda: 0.0)
    engine.load()
    fragile.gives, fragile.infers = 1, [broken(), broken()]
    given = []
    with pytest.raises(EngineDown):
        given.extend(engine.infer_each(BATCH, iter([1, 2])))
    with pytest.raises(EngineDown):
        next(engine.infer_each(BATCH, iter([1, 2])))


@pytest.mark.parametrize('restart_s', [0.25, 2.0])
def test_what_a_restart_takes_is_gone(made, restart_s):
    engine, fragile, now_s = made

    def load():
        now_s[0] += restart_s

    fragile.infers, fragile.on_load = [broken()], load
    engine.infer(BATCH, 2, 1.0)
    assert fragile.given_s == [1.0, 1.0 - restart_s]
    fragile.infers, fragile.given_s = [broken()], []
    now_s[0] += FORGIVEN_AFTER_S
    engine.infer(BATCH, 2)
    assert fragile.given_s == [float('inf')] * 2


@pytest.mark.parametrize('good_batches', [0, 1, 5])
def test_failing_again_soon_is_the_end(made, good_batches):
    engine, fragile, now_s = made
    fragile.infers = [broken(), *[None] * (1 + good_batches), broken()]
    for _ in range(1 + good_batches):
        engine.infer(BATCH, 2)
        now_s[0] += 1.0
    with pytest.raises(EngineDown, match='lost the device'):
        engine.infer(BATCH, 2)
    assert engine.health().state is EngineState.DOWN
    calls = fragile.closed
    with pytest.raises(EngineDown):  # at once, without asking the runtime
        engine.infer(BATCH, 2)
    assert fragile.closed == calls
    engine.load()
    assert engine.health().state is EngineState.READY
    engine.infer(BATCH, 2)


def test_failing_twice_in_one_batch_is_the_end(made):
    engine, fragile, _ = made
    fragile.infers = [broken(), broken('still no device')]
    with pytest.raises(EngineDown, match='still no device'):
        engine.infer(BATCH, 2)


def test_failing_again_after_a_while_is_a_new_story(made):
    engine, fragile, now_s = made
    for restarts in (1, 2, 3):
        fragile.infers = [broken()]
        engine.infer(BATCH, 1)
        assert engine.health().restarts == restarts
        now_s[0] += FORGIVEN_AFTER_S


@pytest.mark.parametrize('failure', [EngineError('no device'), ModelError('the file is gone')])
def test_a_restart_that_fails_is_the_end(made, failure):
    engine, fragile, _ = made
    fragile.infers, fragile.loads = [broken()], [failure]
    with pytest.raises(EngineDown, match=str(failure)):
        engine.infer(BATCH, 1)
    assert engine.health().state is EngineState.DOWN


def test_a_result_that_comes_too_late_is_no_failure(made):
    engine, fragile, _ = made
    fragile.infers = [InferenceMissed('too late')] * 5
    for _ in range(5):
        with pytest.raises(InferenceMissed):
            engine.infer(BATCH, 1)
    assert engine.health().state is EngineState.READY
    fragile.infers = [broken(), InferenceMissed('too late')]
    with pytest.raises(InferenceMissed):
        engine.infer(BATCH, 1)
    assert engine.health().state is EngineState.RESTARTED


def test_what_nobody_foresaw_is_not_hidden(made):
    engine, fragile, _ = made
    fragile.infers = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        engine.infer(BATCH, 1)


def test_nothing_runs_before_load_or_after_close(made):
    engine, fragile, _ = made
    engine.close()
    with pytest.raises(EngineError, match='load'):
        engine.infer(BATCH, 1)
    assert fragile.closed == 1
