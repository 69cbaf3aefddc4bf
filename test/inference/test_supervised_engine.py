"""An engine that fails is started again once; what follows is said, and nothing hangs."""

import math
from itertools import count, islice

import numpy as np
import pytest
from engine_runs import infer

from stream_infer_ros.errors import EngineDown, EngineError, InferenceMissed, ModelError
from stream_infer_ros.inference import FakeEngine
from stream_infer_ros.inference.engines.supervised_engine import (
    FORGIVEN_AFTER_S,
    EngineState,
    SupervisedEngine,
)

BATCH = np.zeros((2, 240, 320, 3), np.uint8)


class Fragile(FakeEngine):
    """Raise the given failures, one at each `run` or `load`; None: it works."""

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

    def run(self, pictures, within_s=math.inf):
        self.given_s.append(within_s)
        failure = self.infers.pop(0) if self.infers else None
        if failure:
            raise failure
        yield from super().run(pictures)

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
    assert len(infer(engine, BATCH)['boxes']) == 2
    assert fragile.closed == 1
    health = engine.health()
    assert (health.state, health.restarts) == (EngineState.RESTARTED, 1)
    assert 'lost the device' in health.reason
    now_s[0] += FORGIVEN_AFTER_S
    assert engine.health().state is EngineState.READY


class FragileEach(Fragile):
    """Take `ahead` pictures before the first outputs, and fail after `gives` outputs, once."""

    gives, ahead = None, 1

    def run(self, pictures, within_s=math.inf):
        pulled, pending = iter(pictures), []
        yield from super().run([])
        for given in count():
            pending += islice(pulled, self.ahead - len(pending))
            if given == self.gives:
                self.gives = None
                raise broken()
            if not pending:
                return
            yield {'index': pending.pop(0)[None, 0, 0, 0]}


@pytest.mark.parametrize('ahead', [1, 2, 4, 9])
@pytest.mark.parametrize('gives', [None, 0, 2, 3, 4])
def test_after_a_failure_in_between_only_pictures_without_outputs_are_run_again(gives, ahead):
    fragile = FragileEach()
    engine = SupervisedEngine(fragile, lambda: 0.0)
    engine.load()
    fragile.gives, fragile.ahead = gives, ahead
    batch = np.zeros((5, 240, 320, 3), np.uint8)

    def written():
        for index in range(4):
            batch[index] = 10 + index
            yield batch[index]

    assert [int(outputs['index'][0]) for outputs in engine.run(written())] == [10, 11, 12, 13]
    assert engine.health().restarts == (gives is not None)


def test_a_second_failure_in_between_is_down_and_so_is_the_next():
    fragile = FragileEach()
    engine = SupervisedEngine(fragile, lambda: 0.0)
    engine.load()
    fragile.gives, fragile.infers = 1, [None, broken()]
    given = []
    with pytest.raises(EngineDown):
        given.extend(engine.run(BATCH))
    assert len(given) == 1
    with pytest.raises(EngineDown):
        next(engine.run(BATCH))


@pytest.mark.parametrize('restart_s', [0.25, 2.0])
def test_what_a_restart_takes_is_gone(made, restart_s):
    engine, fragile, now_s = made

    def load():
        now_s[0] += restart_s

    fragile.infers, fragile.on_load = [broken()], load
    infer(engine, BATCH, 1.0)
    assert fragile.given_s == [1.0, 1.0 - restart_s]
    fragile.infers, fragile.given_s = [broken()], []
    now_s[0] += FORGIVEN_AFTER_S
    infer(engine, BATCH)
    assert fragile.given_s == [float('inf')] * 2


@pytest.mark.parametrize('good_batches', [0, 1, 5])
def test_failing_again_soon_is_the_end(made, good_batches):
    engine, fragile, now_s = made
    fragile.infers = [broken(), *[None] * (1 + good_batches), broken()]
    for _ in range(1 + good_batches):
        infer(engine, BATCH)
        now_s[0] += 1.0
    with pytest.raises(EngineDown, match='lost the device'):
        infer(engine, BATCH)
    assert engine.health().state is EngineState.DOWN
    calls = fragile.closed
    with pytest.raises(EngineDown):  # at once, without asking the runtime
        infer(engine, BATCH)
    assert fragile.closed == calls
    engine.load()
    assert engine.health().state is EngineState.READY
    infer(engine, BATCH)


def test_failing_twice_in_one_batch_is_the_end(made):
    engine, fragile, _ = made
    fragile.infers = [broken(), broken('still no device')]
    with pytest.raises(EngineDown, match='still no device'):
        infer(engine, BATCH)


def test_failing_again_after_a_while_is_a_new_story(made):
    engine, fragile, now_s = made
    for restarts in (1, 2, 3):
        fragile.infers = [broken()]
        infer(engine, BATCH[:1])
        assert engine.health().restarts == restarts
        now_s[0] += FORGIVEN_AFTER_S


@pytest.mark.parametrize('failure', [EngineError('no device'), ModelError('the file is gone')])
def test_a_restart_that_fails_is_the_end(made, failure):
    engine, fragile, _ = made
    fragile.infers, fragile.loads = [broken()], [failure]
    with pytest.raises(EngineDown, match=str(failure)):
        infer(engine, BATCH[:1])
    assert engine.health().state is EngineState.DOWN


def test_a_result_that_comes_too_late_is_no_failure(made):
    engine, fragile, _ = made
    fragile.infers = [InferenceMissed('too late')] * 5
    for _ in range(5):
        with pytest.raises(InferenceMissed):
            infer(engine, BATCH[:1])
    assert engine.health().state is EngineState.READY
    fragile.infers = [broken(), InferenceMissed('too late')]
    with pytest.raises(InferenceMissed):
        infer(engine, BATCH[:1])
    assert engine.health().state is EngineState.RESTARTED


def test_what_nobody_foresaw_is_not_hidden(made):
    engine, fragile, _ = made
    fragile.infers = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        infer(engine, BATCH[:1])


def test_nothing_runs_before_load_or_after_close(made):
    engine, fragile, _ = made
    engine.close()
    with pytest.raises(EngineError, match='load'):
        infer(engine, BATCH[:1])
    assert fragile.closed == 1
