"""Rate caps: evenly spaced, and the same moments for all cameras."""

import random
from itertools import pairwise

import pytest

from stream_infer_ros.sync.rate_caps import RateCaps

MS = 1_000_000
START = 1_700_000_000_000 * MS


def used(rate_hz: float, cap_hz: float, phases_ms: tuple[float, ...], seconds: int = 20, seed: int = 0):
    """By camera, the stamps in ms of the frames that are used."""
    rng = random.Random(seed)
    names = 'abcdef'[: len(phases_ms)]
    frames = []
    for camera, phase_ms in zip(names, phases_ms, strict=True):
        arrival_ms = 0.0
        for tick in range(int(seconds * rate_hz)):
            at_ms = tick * 1000 / rate_hz + phase_ms + rng.uniform(-1, 1)
            arrival_ms = max(arrival_ms + 0.001, at_ms + rng.uniform(0, 40))  # each stream is in order
            frames.append((arrival_ms, camera, at_ms))
    caps, found = RateCaps(names), {name: [] for name in names}
    for _, camera, at_ms in sorted(frames):
        if caps.uses(camera, START + int(at_ms * MS), cap_hz):
            found[camera].append(at_ms)
    assert sum(caps.left_out.values()) > 0
    return found


@pytest.mark.parametrize('phases_ms', [(0, 0, 0), (0, 11, 22), (0, 16, 5, 27)])
@pytest.mark.parametrize('seed', range(3))
def test_all_cameras_use_the_same_moments(phases_ms: tuple[float, ...], seed: int) -> None:
    found = used(30, 10, phases_ms, seed=seed)
    first, *others = found.values()
    settled = [at_ms for at_ms in first if 2000 < at_ms < 19_000]
    for other in others:
        apart_ms = [min(abs(at_ms - other_ms) for other_ms in other) for at_ms in settled]
        assert sum(apart > 1000 / 30 for apart in apart_ms) <= 2


@pytest.mark.parametrize(('rate_hz', 'cap_hz'), [(30, 10), (29.97, 10), (30, 12), (25, 10), (60, 7)])
def test_the_rate_is_that_of_the_cap_and_even(rate_hz: float, cap_hz: float) -> None:
    at_ms = [at for at in used(rate_hz, cap_hz, (0,), seconds=30)['a'] if at > 2000]
    measured_hz = 1000 * (len(at_ms) - 1) / (at_ms[-1] - at_ms[0])
    assert 0.93 * cap_hz <= measured_hz <= 1.03 * cap_hz
    gaps = [later - earlier for earlier, later in pairwise(at_ms)]
    assert max(gaps) <= 1000 / cap_hz + 2 * 1000 / rate_hz + 3


def test_a_cap_above_the_rate_leaves_nothing_out() -> None:
    caps = RateCaps(['a'])
    assert all(caps.uses('a', START + tick * 100 * MS, 10.0) for tick in range(100))
    assert caps.left_out == {'a': 0}


def test_a_recording_that_starts_again() -> None:
    caps = RateCaps(['a'])
    for _ in range(2):
        chosen = [caps.uses('a', START + tick * 33 * MS, 10.0) for tick in range(90)]
        assert 27 <= sum(chosen) <= 33
