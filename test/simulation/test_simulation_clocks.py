"""Cameras keep their pace whatever is done to the clock their stamps are of; time is a counter."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stream_infer_ros.capacity import TrialOptions
from stream_infer_ros.capacity.camera_load import CameraLoad
from stream_infer_ros.graph import RELIABLE, MemoryGraph
from stream_infer_ros.simulation.clocks import SteadyWait

EPOCH_NS = 1_700_000_000_000_000_000
MS = 1_000_000
HOUR_NS = 3_600 * 1_000 * MS

SETTINGS_NS = st.lists(st.integers(-HOUR_NS, HOUR_NS), max_size=20)
# What is added and taken away again, at the very next frame or a few later.
PULSES_NS = st.lists(
    st.tuples(st.integers(-HOUR_NS, HOUR_NS), st.integers(0, 3)).map(
        lambda pulse: [pulse[0], *[0] * pulse[1], -pulse[0]]
    ),
    max_size=6,
).map(lambda pulses: [by_ns for pulse in pulses for by_ns in pulse])


class Time:
    """A clock that can be set and one that cannot; who sleeps moves both."""

    def __init__(self, set_by_ns=()):
        self.steady_ns, self.offset_ns = 5 * MS, EPOCH_NS
        self._set_by_ns = list(set_by_ns)

    def now_ns(self):
        return self.steady_ns + self.offset_ns

    def sleep(self, seconds):
        """Somebody sets the clock meanwhile."""
        assert seconds > 0
        self.steady_ns += max(1, round(seconds * 1e9))
        if self._set_by_ns:
            self.offset_ns += self._set_by_ns.pop(0)

    def wait(self):
        return SteadyWait(self.now_ns, lambda: self.steady_ns, self.sleep)


def test_a_clock_that_nobody_sets_shows_what_was_waited_for():
    time = Time()
    wait_until = time.wait()
    first_ns = time.now_ns() + 100 * MS
    for due_ns in range(first_ns, first_ns + 1000 * MS, 100 * MS):
        wait_until(due_ns)
        assert due_ns <= time.now_ns() <= due_ns + MS
    before_ns = time.now_ns()
    wait_until(first_ns)
    assert time.now_ns() == before_ns, 'what is past is not waited for'


def test_set_back_by_an_hour_the_frames_come_at_their_pace():
    time = Time([0, -HOUR_NS])
    wait_until = time.wait()
    first_ns, out_ns = time.now_ns() + 100 * MS, []
    for due_ns in range(first_ns, first_ns + 1000 * MS, 100 * MS):
        wait_until(due_ns)
        out_ns.append(time.steady_ns)
    assert {round((later - earlier) / MS) for earlier, later in pairwise(out_ns)} == {100}


def test_set_forward_what_is_past_is_due_at_once():
    time = Time([HOUR_NS])
    wait_until = time.wait()
    first_ns = time.now_ns() + 100 * MS
    wait_until(first_ns)
    before_ns = time.steady_ns
    wait_until(first_ns + HOUR_NS // 2)
    assert time.steady_ns == before_ns
    wait_until(time.now_ns() + 70 * MS)
    assert round((time.steady_ns - before_ns) / MS) == 70


@given(SETTINGS_NS)
def test_nothing_is_waited_for_longer_than_without_anybody_who_sets_the_clock(set_by_ns):
    time = Time(set_by_ns)
    wait_until = time.wait()
    first_ns, start_ns = time.now_ns(), time.steady_ns
    for frame in range(1, 15):
        wait_until(first_ns + frame * 100 * MS)
        assert time.steady_ns - start_ns <= frame * 100 * MS + frame * 20


def test_set_forward_for_a_moment_the_frames_come_at_their_pace():
    time = Time()
    wait_until = time.wait()
    first_ns, out_ns = time.now_ns() + 100 * MS, []
    for frame in range(30):
        time.offset_ns += {10: HOUR_NS, 12: -HOUR_NS}.get(frame, 0)
        wait_until(first_ns + frame * 100 * MS)
        out_ns.append(time.steady_ns)
    gaps_ms = [round((later - earlier) / MS) for earlier, later in pairwise(out_ns)]
    assert gaps_ms == [100] * 9 + [0] * 2 + [100] * 18


def test_what_was_held_up_is_made_up_for_though_the_clock_was_set_back():
    time = Time([0, -HOUR_NS])
    wait_until = time.wait()
    first_ns, start_ns = time.now_ns(), time.steady_ns
    for frame in range(1, 30):
        wait_until(first_ns + frame * 100 * MS)
        late_ns = time.steady_ns - start_ns - frame * 100 * MS
        assert late_ns <= (220 * MS if 10 < frame < 14 else frame)
        time.steady_ns += 320 * MS if frame == 10 else 3 * MS  # what was to be done with the frame


@given(SETTINGS_NS, PULSES_NS | SETTINGS_NS)
def test_no_frame_is_out_before_the_clock_shows_it_or_the_time_since_the_last_has_passed(
    asleep_ns, between_ns
):
    """However the clock is set, asleep and between frames: past what it shows there is no hurry."""
    time = Time(asleep_ns)
    wait_until = time.wait()
    last_due_ns, last_out_ns = time.now_ns(), time.steady_ns
    for by_ns in [*between_ns, *[0] * 10]:
        time.offset_ns += by_ns
        due_ns = last_due_ns + 100 * MS
        wait_until(due_ns)
        assert time.now_ns() >= due_ns or time.steady_ns - last_out_ns >= 100 * MS - 1000
        assert time.steady_ns - last_out_ns <= 100 * MS + 1000
        last_due_ns, last_out_ns = due_ns, time.steady_ns


def test_the_load_of_a_trial_goes_on_though_its_clock_is_set_back():
    options = TrialOptions(
        streams=1, rate_hz=50, width=64, height=48, bound_ms=100.0, warm_up_s=0.0, seconds=0.1, graph='memory'
    )
    steady = MemoryGraph()
    offset_ns, heard = [0], []

    class Set(MemoryGraph):
        def now_ns(self):
            return steady.now_ns() + offset_ns[0]

    def on_image(_cdr, _received_ns):
        heard.append(None)
        offset_ns[0] = -HOUR_NS

    graph = Set()
    load = CameraLoad(graph, options)
    graph.subscribe('/cam0/image_raw', 'sensor_msgs/msg/Image', RELIABLE, on_image)
    report = load.stream(graph.now_ns(), lambda: False)
    assert report.published == len(heard) == len(list(options.exposures()))
