"""Breaker and balancer, in simulated time."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stream_infer_ros.inference.engines.kserve.balancer import KEPT, SLACK, Balancer
from stream_infer_ros.inference.engines.kserve.health import (
    LONGEST_WAIT_S,
    MOST_REFUSALS,
    Breaker,
    BreakerState,
)

TICK_S = 0.05
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def test_a_breaker_opens_half_opens_and_closes():
    breaker = Breaker()
    breaker.failed(0.0)
    assert breaker.state is OPEN
    breaker.checked(0.05)
    assert breaker.state is HALF_OPEN
    breaker.failed(0.1)
    breaker.checked(0.15)
    assert breaker.state is OPEN, 'after a trial that failed it waits, however healthy the server looks'
    breaker.checked(0.35)
    assert breaker.state is HALF_OPEN
    breaker.succeeded()
    assert breaker.state is CLOSED


def test_refusals_open_only_when_there_are_several_in_a_row():
    breaker = Breaker()
    for _ in range(MOST_REFUSALS - 1):
        breaker.refused(0.0)
    breaker.succeeded()
    for _ in range(MOST_REFUSALS - 1):
        breaker.refused(0.0)
    assert breaker.state is CLOSED
    breaker.refused(0.0)
    assert breaker.state is OPEN


@given(st.integers(1, 30))
def test_trials_that_fail_come_ever_more_seldom_and_never_end(failures):
    breaker, now_s, waits = Breaker(), 0.0, []
    breaker.failed(now_s)
    for _ in range(failures):
        start_s = now_s
        while breaker.state is OPEN:
            now_s += TICK_S
            breaker.checked(now_s)
        waits.append(now_s - start_s)
        breaker.failed(now_s)
    assert all(later > earlier - TICK_S * 1.01 for earlier, later in pairwise(waits))
    assert waits[-1] <= LONGEST_WAIT_S + 0.1
    while breaker.state is OPEN:
        now_s += TICK_S
        breaker.checked(now_s)
    breaker.succeeded()
    breaker.failed(now_s)
    breaker.checked(now_s + 0.15)
    assert breaker.state is HALF_OPEN, 'a trial that succeeded makes up for all before'


def test_a_server_long_dead_is_on_trial_with_the_first_check_that_passes():
    balancer = Balancer(1)
    choice = balancer.choose(1.0)
    balancer.failed(choice, 'unreachable', 'refused', 0.0)
    for tick in range(1, 3600):
        balancer.checked(0, 'still dead', float(tick))
    assert balancer.choose(1.0) is None
    balancer.checked(0, '', 3600.0)
    assert balancer.choose(1.0) is not None


def test_requests_go_to_the_least_busy_and_then_in_turn():
    balancer = Balancer(3)
    assert [balancer.choose(1.0).server for _ in range(4)] == [0, 1, 2, 0]
    balancer.succeeded(1, 0.01)
    assert balancer.choose(1.0).server == 1
    for server in (0, 0, 1, 2):
        balancer.succeeded(server, 0.01)
    assert [balancer.choose(1.0).server for _ in range(3)] == [2, 0, 1]


def test_one_request_at_a_time_is_on_trial():
    balancer = Balancer(1)
    balancer.checked(0, 'dead', 0.0)
    balancer.checked(0, '', 1.0)
    assert balancer.choose(1.0) is not None
    assert balancer.choose(1.0) is None
    balancer.succeeded(0, 0.01)
    assert balancer.choose(1.0) is not None
    assert balancer.choose(1.0) is not None


def paced(*durations_s: float) -> Balancer:
    balancer = Balancer(len(durations_s))
    for _ in durations_s:
        choice = balancer.choose(10.0)
        balancer.succeeded(choice.server, durations_s[choice.server])
    return balancer


def test_another_is_tried_only_if_it_usually_makes_it():
    balancer = paced(0.02, 0.05)
    assert balancer.choose(0.1).server == 0
    assert balancer.choose(0.05 - 1e-6, tried=[0]) is None
    assert balancer.choose(0.05 + 1e-6, tried=[0]).server == 1
    # The first attempt is made in any case: it might be quicker than usual.
    assert paced(0.02, 0.05).choose(0.001) is not None


def test_time_is_kept_for_another_server_where_there_is_enough():
    balancer = paced(0.025, 0.05)
    choice = balancer.choose(0.2)
    assert math.isclose(choice.within_s, 0.2 - 0.05 * SLACK * KEPT)
    # With ample time, half of it.
    assert paced(0.02, 0.05).choose(4.0).within_s == 2.0
    assert paced(0.02, 0.05).choose(0.07).within_s == 0.07
    assert paced(0.02).choose(0.2).within_s == 0.2


def test_late_counts_only_against_a_server_that_had_its_time():
    balancer = paced(0.05)
    choice = balancer.choose(0.01)
    balancer.failed(choice, 'late', 'no answer', 1.0)
    assert balancer.states() == [CLOSED]
    for state in (CLOSED, OPEN):  # once may be noise
        balancer.failed(balancer.choose(0.1), 'late', 'no answer', 1.0)
        assert balancer.states() == [state]
    assert not balancer.usable()
    assert balancer.reason(0) == 'no answer'


def test_one_that_was_late_is_asked_last_until_a_check_passes():
    balancer = paced(0.05, 0.05)
    late = balancer.choose(0.3)
    balancer.failed(late, 'late', 'no answer', 1.0)
    for _ in range(3):
        choice = balancer.choose(0.3)
        assert choice.server != late.server
        balancer.succeeded(choice.server, 0.05)
    assert balancer.choose(0.3, tried=[1 - late.server]).server == late.server, 'there is no other'
    balancer.succeeded(late.server, 0.05)
    balancer.checked(late.server, '', 2.0)
    assert {balancer.choose(0.3).server for _ in range(2)} == {0, 1}


class Servers(RuleBasedStateMachine):
    """Servers die, hang and return while requests and health checks go on."""

    @initialize(servers=st.integers(1, 4))
    def begin(self, servers):
        self.balancer = Balancer(servers)
        self.alive = [True] * servers
        self.running = []
        self.late = set()
        self.now_s = 0.0

    @rule(seconds=st.floats(0.0, 3.0))
    def wait(self, seconds):
        self.now_s += seconds

    @rule(data=st.data())
    def turn(self, data):
        server = data.draw(st.integers(0, len(self.alive) - 1))
        self.alive[server] = not self.alive[server]

    @rule(left_s=st.floats(-0.1, 1.0), data=st.data())
    def ask(self, left_s, data):
        tried = data.draw(st.sets(st.integers(0, len(self.alive) - 1)))
        before = self.balancer.states()
        outstanding = [sum(c.server == n for c in self.running) for n in range(len(self.alive))]
        choice = self.balancer.choose(left_s, tried)
        if choice is None:
            return
        assert 0 < choice.within_s <= left_s
        assert choice.server not in tried
        assert before[choice.server] is not OPEN
        if before[choice.server] is HALF_OPEN:
            assert outstanding[choice.server] == 0
        trusted = [n for n, s in enumerate(before) if s is CLOSED and n not in self.late]
        if not tried and choice.server in trusted:
            assert outstanding[choice.server] == min(outstanding[n] for n in trusted)
        self.running.append(choice)

    @precondition(lambda self: self.running)
    @rule(taken_s=st.floats(0.001, 0.2), data=st.data())
    def answer(self, taken_s, data):
        choice = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if self.alive[choice.server]:
            self.balancer.succeeded(choice.server, taken_s)
            self.late.discard(choice.server)
        else:
            cause = data.draw(st.sampled_from(['unreachable', 'late', 'refused', 'no_region']))
            self.balancer.failed(choice, cause, cause, self.now_s)
            if cause == 'late':
                self.late.add(choice.server)
            if cause == 'unreachable':
                assert self.balancer.states()[choice.server] is OPEN

    @rule(data=st.data())
    def check(self, data):
        server = data.draw(st.integers(0, len(self.alive) - 1))
        self.balancer.checked(server, '' if self.alive[server] else 'dead', self.now_s)
        if self.alive[server]:
            self.late.discard(server)

    @rule()
    def what_lives_is_used_again(self):
        """After the longest wait and a check, whoever lives gets requests, and answers close breakers."""
        for choice in self.running:
            self.balancer.failed(choice, 'unreachable', 'lost', self.now_s)
        self.running.clear()
        self.late.clear()
        self.now_s += LONGEST_WAIT_S
        for server, alive in enumerate(self.alive):
            self.balancer.checked(server, '' if alive else 'dead', self.now_s)
        assert self.balancer.usable() == any(self.alive)
        for _ in range(sum(self.alive)):
            choice = self.balancer.choose(10.0)
            self.balancer.succeeded(choice.server, 0.01)
        assert self.balancer.states() == [CLOSED if alive else OPEN for alive in self.alive]

    @invariant()
    def there_is_a_server_if_any_is_closed(self):
        if hasattr(self, 'balancer') and CLOSED in self.balancer.states():
            assert self.balancer.usable()


TestServers = Servers.TestCase
