"""Matching explained: each way to be missing is told apart, and the suggested slop is one that works."""

import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_pipeline_end_to_end import Driven, config
from yard import Yard

from stream_infer_ros.cameras import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.pipeline.health.slop_suggestion import phases_ns, suggest_slop
from stream_infer_ros.pipeline.health.sync_explanation import explain_sync
from stream_infer_ros.pipeline.health.sync_watch import ARRIVALS_KEPT, SETS_KEPT, SyncWatch
from stream_infer_ros.sync import SYNCHRONIZERS, make_synchronizer

MS = 1_000_000
START = 1_700_000_000_000 * MS
PERIOD_NS = 100 * MS


class Match:
    """A synchronizer and a watch over it, driven as the intake drives them."""

    def __init__(self, cameras: str, **settings) -> None:
        self.config = SyncConfig(**settings)
        self.synchronizer = make_synchronizer([*cameras], lambda: self.config)
        self.watch = SyncWatch([*cameras], self.synchronizer.clocks)
        self.now_ns = 0
        self.sets = []

    def frame(self, camera: str, stamp_ns: int, now_ns: int | None = None) -> None:
        now_ns = stamp_ns if now_ns is None else now_ns
        self.advance(now_ns)
        self.watch.arrived(camera, stamp_ns, now_ns)
        self._note(self.synchronizer.add(Frame(camera, stamp_ns, now_ns, None, 'rgb8', ''), now_ns), now_ns)

    def advance(self, now_ns: int) -> None:
        while (due_ns := self.synchronizer.next_deadline_ns()) is not None and due_ns <= now_ns:
            self._note(self.synchronizer.poll(due_ns), due_ns)
        self.now_ns = max(self.now_ns, now_ns)

    def ticks(self, first: int, count: int, **phases_ms: float) -> None:
        """So many moments of 10 Hz, every camera with its phase."""
        for tick in range(first, first + count):
            for camera, phase_ms in sorted(phases_ms.items(), key=lambda item: item[1]):
                self.frame(camera, START + tick * PERIOD_NS + int(phase_ms * MS))

    def _note(self, sets, now_ns: int) -> None:
        self.sets += sets
        for frame_set in sets:
            self.watch.left(frame_set, now_ns)

    def explain(self):
        drops = {}
        for camera, by_cause in self.synchronizer.drops().items():
            for cause, n in by_cause.items():
                drops.setdefault(cause, {})[camera] = n
        return explain_sync(
            self.watch,
            self.config,
            self.synchronizer.slop_ns,
            drops,
            self.now_ns,
            deadline_ns=self.synchronizer.deadline_ns,
        )


def why(match: Match, camera: str) -> str:
    return match.explain().partial.missing[camera]


def test_rates_phases_and_jitter_are_those_of_the_cameras():
    match = Match('abc')
    match.ticks(0, 20, a=0, b=4, c=9)
    told = {timing.camera: timing for timing in match.explain().cameras}
    assert [told[camera].phase_ns for camera in 'abc'] == [0, 4 * MS, 9 * MS]
    assert [told[camera].rate_hz for camera in 'abc'] == pytest.approx([10.0] * 3)
    assert {timing.images for timing in told.values()} == {20}
    assert match.explain().partial is None
    assert 'every set had all cameras' in str(match.explain())


def test_a_phase_is_told_within_half_a_period_either_way():
    match = Match('ab', slop_ms=20.0)
    match.ticks(0, 20, a=10, b=0)
    assert phases_ns(match.watch.streams()) == {'a': 0, 'b': -10 * MS}


def test_a_camera_that_never_came():
    match = Match('ab')
    match.ticks(0, 10, a=0)
    match.advance(START + 10 * PERIOD_NS)
    assert 'no image of it has arrived' in why(match, 'b')
    assert 'no image yet' in str(match.explain())


def test_a_camera_that_fell_silent():
    match = Match('ab')
    match.ticks(0, 10, a=0, b=2)
    match.ticks(10, 20, a=0)
    match.advance(START + 31 * PERIOD_NS)
    assert (
        why(match, 'b')
        == 'silent: its last image arrived 1998.0 ms before; sets do not wait for it until it returns'
    )
    assert match.explain().cameras[1].silent_ns == match.now_ns - START - 902 * MS


def test_one_image_that_was_lost():
    match = Match('ab')
    match.ticks(0, 10, a=0, b=2)
    match.ticks(10, 1, a=0)
    match.ticks(11, 5, a=0, b=2)
    assert 'never arrived (the nearest is stamped 98.0 ms before the set)' in why(match, 'b')
    assert 0.4e9 < match.explain().partial.age_ns < 0.6e9


def test_one_image_that_came_late_and_how_late():
    match = Match('ab', deadline_ms=40.0)
    match.ticks(0, 10, a=0, b=2)
    moment_ns = START + 10 * PERIOD_NS
    match.frame('a', moment_ns)
    match.advance(moment_ns + 40 * MS)
    match.frame('b', moment_ns + 2 * MS, moment_ns + 75 * MS)
    told = why(match, 'b')
    assert 'arrived 35.0 ms after the set had left and 73.0 ms after its stamp' in told
    assert match.explain().cameras[1].drops == {'late': 1}
    assert 'late 1' in str(match.explain())


def test_an_image_beyond_the_slop():
    match = Match('ab', slop_ms=5.0)
    match.ticks(0, 20, a=0, b=30)
    match.advance(START + 25 * PERIOD_NS)
    assert 'its nearest image is stamped 30.0 ms' in why(match, 'a') + match.explain().partial.missing.get(
        'b', ''
    )
    assert 'farther than the slop of 5.0 ms' in why(match, 'a') + match.explain().partial.missing.get('b', '')
    assert 30 * MS <= match.explain().suggestion.slop_ns <= 32 * MS


@given(
    phases_ms=st.lists(st.floats(0, 100, exclude_max=True), min_size=2, max_size=6),
    jitter_ms=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
@example(phases_ms=[1.75, 2.5], jitter_ms=1.0, seed=29)
def test_the_suggested_slop_holds_together_what_belongs_together(phases_ms, jitter_ms, seed):
    """Unless it had to be cut at half a period: then it says so."""
    rng = random.Random(seed)
    cameras = 'abcdef'[: len(phases_ms)]
    frames = [
        (START + tick * PERIOD_NS + int((phase_ms + rng.uniform(-jitter_ms, jitter_ms)) * MS), camera)
        for tick in range(40)
        for camera, phase_ms in zip(cameras, phases_ms, strict=True)
    ]
    learning = Match(cameras)
    for stamp_ns, camera in sorted(frames)[: 20 * len(cameras)]:
        learning.frame(camera, stamp_ns)
    suggestion = suggest_slop(learning.watch.streams())
    if suggestion.slop_ns == PERIOD_NS // 2 or 'half' in suggestion.because:
        return
    match = Match(cameras, slop_ms=suggestion.slop_ns / MS, deadline_ms=90.0)
    for stamp_ns, camera in sorted(frames):
        match.frame(camera, stamp_ns)
    whole = [frame_set for frame_set in match.sets if None not in frame_set.frames]
    assert len(whole) >= 37


def test_different_rates_have_no_better_slop_than_half_the_shortest_period():
    match = Match('ab')
    for tick in range(60):
        match.frame('a', START + tick * 33 * MS)
        if tick % 3 == 0:
            match.frame('b', START + tick * 33 * MS + 5 * MS)
    suggestion = match.explain().suggestion
    assert suggestion.slop_ns == 33 * MS // 2
    assert 'rates differ' in suggestion.because


def test_a_camera_with_another_clock_does_not_hide_the_others():
    match = Match('abc')
    for tick in range(20):
        match.frame('a', START + tick * PERIOD_NS - 3_600_000 * MS, START + tick * PERIOD_NS)
        for camera, phase in (('b', 0), ('c', 7)):
            match.frame(camera, START + tick * PERIOD_NS + phase * MS)
    assert phases_ns(match.watch.streams()) == {'b': 0, 'c': 7 * MS}


def test_a_camera_whose_clock_is_ahead_has_a_rate_though_its_frames_are_dropped():
    match = Match('ab')
    for tick in range(20):
        match.frame('a', START + tick * PERIOD_NS)
        match.frame('b', START + tick * PERIOD_NS + 3_600_000 * MS, START + tick * PERIOD_NS)
    ahead = match.explain().cameras[1]
    assert (ahead.images, ahead.rate_hz, ahead.drops) == (20, pytest.approx(10.0), {'future': 20})


def test_a_looped_recording_is_learnt_anew():
    match = Match('ab')
    match.ticks(0, 20, a=0, b=3)
    match.ticks(0, 5, a=0, b=6)
    assert phases_ns(match.watch.streams()) == {'a': 0, 'b': 6 * MS}


@pytest.mark.parametrize('policy', sorted(set(SYNCHRONIZERS) - {'message_filters'}))
def test_every_policy_is_explained(policy):
    match = Match('ab', policy=policy)
    match.ticks(0, 20, a=0, b=3)
    text = str(match.explain())
    assert text.startswith(f'policy {policy}, 2 cameras')
    assert text.splitlines()[-1].startswith('suggested: sync.')


def followed(match: Match) -> dict[str, float]:
    """The settings of sync that are suggested."""
    text = str(match.explain())
    return {name: float(value) for name, value in re.findall(r'suggested: sync\.(\w+): ([\d.]+)', text)}


def complete(match: Match, last: int = 30) -> int:
    return sum(None not in frame_set.frames for frame_set in match.sets[-last:])


STAGGERED = {camera: 16.0 * place for place, camera in enumerate('abcdef')}


@pytest.mark.parametrize('latency_ms', [0, 30, 120])
@pytest.mark.parametrize('deadline_ms', [10.0, 40.0])
def test_the_suggested_deadline_completes_the_sets(latency_ms, deadline_ms):
    def match_with(**settings):
        match, rng, frames = Match('abcdef', **settings), random.Random(0), []
        for tick in range(60):
            for camera, phase_ms in STAGGERED.items():
                stamp_ns = START + tick * PERIOD_NS + int(phase_ms * MS)
                late_ms = latency_ms * (camera == 'b') + rng.uniform(0, 5)
                frames.append((stamp_ns + int(late_ms * MS), camera, stamp_ns))
        for now_ns, camera, stamp_ns in sorted(frames):
            match.frame(camera, stamp_ns, now_ns)
        return match

    before = match_with(deadline_ms=deadline_ms)
    assert complete(before) == 0
    suggested = followed(before)
    assert set(suggested) == {'deadline_ms'}
    assert suggested['deadline_ms'] > deadline_ms
    after = match_with(**suggested)
    assert complete(after) >= 29
    assert 'suggested: sync.deadline_ms' not in str(after.explain())


def test_the_slop_in_use_is_not_suggested():
    match = Match('ab')
    match.ticks(0, 40, a=0, b=45)
    match.explain()
    assert followed(match).get('slop_ms', 0.0) * MS != pytest.approx(match.synchronizer.slop_ns, abs=MS)


def test_a_slop_that_is_too_small_and_the_suggestions_that_help():
    match = Match('ab', slop_ms=5.0)
    match.ticks(0, 40, a=0, b=30)
    text = str(match.explain())
    assert 'camera.b.time_offset_ms: -30.0' in text
    better = Match('ab', **followed(match))
    better.ticks(0, 40, a=0, b=30)
    assert complete(better) >= 29
    shifted = Match('ab', slop_ms=5.0)
    shifted.ticks(0, 40, a=0, b=30 - 30)
    assert complete(shifted) >= 29


def test_sets_without_a_slower_camera_that_takes_no_image_are_not_partial():
    match = Match('ab')
    for tick in range(120):
        match.frame('a', START + tick * 125 * MS)
        if tick % 4 == 0:
            match.frame('b', START + tick * 125 * MS + 3 * MS)
    explanation = match.explain()
    assert not any(record.missing for record in explanation.sets)
    assert 'nothing to change' in str(explanation) or 'suggested: sync.slop_ms' in str(explanation)


def test_before_anything_came_it_says_so():
    text = str(Match('ab').explain())
    assert 'no set has left the synchronizer yet' in text
    assert 'no slop to suggest' in text


def test_memory_is_constant():
    match = Match('ab')
    match.ticks(0, 3 * SETS_KEPT, a=0, b=3)
    assert len(match.watch.sets()) == SETS_KEPT
    assert {len(stream.recent) for stream in match.watch.streams().values()} == {ARRIVALS_KEPT}


def test_the_running_pipeline_explains_itself():
    yard = Yard()
    driven = Driven(yard, config())
    yard.stream(ticks=12, skip=lambda exposure: exposure.camera == 1 and exposure.tick > 6)
    explanation = driven.assembly.health.explain_sync(yard.clock.now_ns)
    driven.network.close()
    assert [timing.camera for timing in explanation.cameras] == ['cam0', 'cam1', 'cam2']
    assert all(timing.rate_hz == pytest.approx(10, rel=0.1) for timing in explanation.cameras)
    assert set(explanation.partial.missing) == {'cam1'}
    assert 'without cam1' in str(explanation)
