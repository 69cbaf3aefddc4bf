"""The states of a bond, compared with the state machine of bondcpp. Needs no ROS."""

import pytest

from stream_infer_ros.nodes.bond_end import (
    CONNECT_TIMEOUT_S,
    DEAD_PUBLISH_PERIOD_S,
    DISCONNECT_TIMEOUT_S,
    BondEnd,
    BondState,
)

PERIOD_S = 0.25


def published(end: BondEnd, until_s: float) -> list[tuple[float, bool]]:
    """Call `due` exactly at each `next_s`; return the published statuses as (time, active)."""
    found = []
    while (next_s := end.next_s) is not None and next_s <= until_s:
        active = end.due(next_s)
        if active is not None:
            found.append((round(next_s, 3), active))
    return found


def alive() -> BondEnd:
    end = BondEnd(PERIOD_S, 0.0)
    end.heard(active=True)
    assert end.state is BondState.ALIVE
    return end


def test_heartbeats_begin_at_once_and_keep_their_period():
    assert published(BondEnd(PERIOD_S, 5.0), 5.8) == [(5.0, True), (5.25, True), (5.5, True), (5.75, True)]


def test_without_a_manager_it_ends_after_the_connect_timeout_and_never_speaks_again():
    end = BondEnd(PERIOD_S, 0.0)
    heartbeats = published(end, 100.0)
    assert len(heartbeats) == CONNECT_TIMEOUT_S / PERIOD_S
    assert (end.state, end.next_s) == (BondState.DEAD, None)
    end.heard(active=True)
    assert (end.state, end.due(200.0)) == (BondState.DEAD, None)


def test_a_manager_that_falls_silent_is_not_given_up():
    end = alive()
    assert len(published(end, 100.0)) == 100.0 / PERIOD_S + 1
    assert end.state is BondState.ALIVE


@pytest.mark.parametrize('formed', [False, True])
def test_the_end_of_the_other_is_confirmed_once(formed):
    end = alive() if formed else BondEnd(PERIOD_S, 0.0)
    end.due(0.0)
    end.heard(active=False)
    end.heard(active=False)
    assert end.state is BondState.DEAD
    assert [active for _, active in published(end, 10.0)] == [False]


def test_a_broken_bond_is_told_until_the_other_end_confirms():
    end = alive()
    end.due(0.0)
    end.break_bond(0.1)
    end.break_bond(0.1)
    assert end.state is BondState.AWAIT_SISTER_DEATH
    assert [end.due(0.1), end.due(0.1), end.due(0.1 + DEAD_PUBLISH_PERIOD_S)] == [False, None, False]
    end.heard(active=True)
    assert end.state is BondState.AWAIT_SISTER_DEATH
    end.heard(active=False)
    assert (end.state, end.next_s) == (BondState.DEAD, None)


def test_a_broken_bond_that_nobody_confirms_is_over_after_the_disconnect_timeout():
    end = alive()
    end.due(0.0)
    end.break_bond(1.0)
    notices = published(end, 100.0)
    assert {active for _, active in notices} == {False}
    assert notices[-1][0] <= 1.0 + DISCONNECT_TIMEOUT_S
    assert end.state is BondState.DEAD


def test_a_bond_that_was_never_formed_is_broken_with_one_notice():
    end = BondEnd(PERIOD_S, 0.0)
    end.due(0.0)
    end.break_bond(0.1)
    assert [active for _, active in published(end, 10.0)] == [False]
