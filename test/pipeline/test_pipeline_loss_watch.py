"""Losses before the pipeline are reported, with the reason from the middleware."""

import pytest

from stream_infer_ros.graph import MemoryBus, MemoryGraph
from stream_infer_ros.pipeline.health.loss_watch import LossWatch
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch

S = 1_000_000_000
PERIOD_NS = S // 10
START_NS = 1_700_000_000 * S
REASON = 'its segment is too small; make it larger'


class LossyGraph(MemoryGraph):
    """A graph that reports losses and their reason."""

    def __init__(self, reason=REASON):
        super().__init__(MemoryBus())
        self.lost, self._reason = {}, reason

    def losses(self):
        return dict(self.lost)

    def why_lost(self):
        return self._reason


class Bench:
    """Cameras that send ten images a second, looked at once a second."""

    def __init__(self, reason=REASON):
        self.graph = LossyGraph(reason)
        self.sync_watch = SyncWatch(['front', 'left'])
        self.losses = LossWatch(self.graph, self.sync_watch, ['/front/image_raw', '/tf'])
        self.now_ns = START_NS

    def seconds(self, n, missing=()):
        """`missing`: numbers of the images that the front camera does not send, for each second."""
        for _ in range(n):
            for tick in range(10):
                stamp_ns = self.now_ns + tick * PERIOD_NS
                self.sync_watch.arrived('left', stamp_ns, stamp_ns)
                if tick not in missing:
                    self.sync_watch.arrived('front', stamp_ns, stamp_ns)
            self.now_ns += S
            self.losses.look(self.now_ns, S)


@pytest.fixture
def bench():
    made = Bench()
    made.seconds(3)
    return made


def test_nothing_is_said_while_all_arrives(bench):
    assert bench.losses.problem(0) == ''


def test_images_that_regular_streams_lack_are_told_with_the_reason(bench):
    bench.seconds(1, missing=[2, 5, 6])
    bench.seconds(1)
    assert (
        '0 reported by the middleware, 3 images missing from regular streams in 10 s'
        in bench.losses.problem(0)
    )
    assert bench.losses.problem(0).endswith(REASON)


def test_a_camera_may_skip_an_image_now_and_then(bench):
    bench.seconds(1, missing=[3])
    bench.seconds(8)
    bench.seconds(1, missing=[3])
    bench.seconds(1)
    assert bench.losses.problem(0) == ''


def test_what_the_middleware_lost_of_the_inputs_is_told(bench):
    bench.graph.lost = {'/tf': 1, '/somebody/elses': 50}
    bench.seconds(1)
    assert '1 reported by the middleware' in bench.losses.problem(0)


def test_losses_are_over_ten_seconds_after_the_last(bench):
    bench.graph.lost = {'/tf': 5}
    bench.seconds(9)
    assert bench.losses.problem(0)
    bench.seconds(2)
    assert bench.losses.problem(0) == ''


def test_without_a_reason_there_is_nothing_to_advise():
    bench = Bench(reason='')
    bench.graph.lost = {'/tf': 5}
    bench.seconds(4, missing=[1, 2])
    assert bench.losses.problem(0) == ''
