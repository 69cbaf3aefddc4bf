"""Period and jitter of one stream, in spite of losses, bursts and gaps."""

import random

import pytest

from stream_infer_ros.sync import StreamClock

MS = 1_000_000
START = 1_700_000_000_000 * MS


def watched(stamps_ms: list[float]) -> StreamClock:
    clock = StreamClock()
    for at_ms in stamps_ms:
        clock.observe(START + int(at_ms * MS))
    return clock


def test_nothing_is_claimed_before_four_frames() -> None:
    clock = watched([0, 100, 200])
    assert (clock.period_ns, clock.jitter_ns) == (0, 0)
    assert clock.observe(START + 300 * MS)
    assert clock.period_ns == 100 * MS


@pytest.mark.parametrize('loss', [0.0, 0.05, 0.25])
def test_lost_frames_do_not_change_the_period(loss: float) -> None:
    rng = random.Random(0)
    clock = watched([tick * 33 + rng.uniform(-1, 1) for tick in range(400) if rng.random() >= loss])
    assert clock.period_ns == pytest.approx(33 * MS, abs=MS)
    assert 0 < clock.jitter_ns < 2 * MS


def test_a_gap_or_a_burst_does_not_change_the_period() -> None:
    clock = watched([*range(0, 2000, 100), 2000.5, 2001, *range(3_600_000, 3_600_300, 100)])
    assert clock.period_ns == pytest.approx(100 * MS, abs=MS)


def test_a_new_rate_is_learnt() -> None:
    clock = watched([*range(0, 2000, 100), *range(2000, 3000, 20)])
    assert clock.period_ns == 20 * MS


def test_repeated_and_reordered_stamps_are_no_intervals() -> None:
    clock = watched([0, 100, 100, 200, 150, 300])
    assert clock.period_ns == 100 * MS
    assert clock.newest_stamp_ns == START + 300 * MS


def test_after_a_jump_of_time_the_period_stays_known() -> None:
    clock = watched([0, 100, 200, 300, 400])
    clock.restart()
    clock.observe(7)
    clock.observe(7 + 100 * MS)
    assert (clock.period_ns, clock.jitter_ns) == (100 * MS, 0)


def test_frames_that_never_came_are_counted() -> None:
    ticks = [tick for tick in range(100) if tick not in (40, 60, 61, 62)]
    assert watched([tick * 33.0 for tick in ticks]).missed == 4


def test_a_stream_that_pauses_jitters_or_bursts_has_missed_nothing() -> None:
    rng = random.Random(1)
    jittering = [tick * 33 + rng.uniform(-7, 7) for tick in range(200)]
    assert watched(jittering).missed == 0
    assert watched([*range(0, 2000, 100), *range(9000, 9900, 100)]).missed == 0
    assert watched([*range(0, 2000, 100), 2000.5, 2001, 2100]).missed == 0
