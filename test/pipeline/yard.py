"""A small yard on a memory graph, and a clock that only tests move."""

from stream_infer_ros.graph import MemoryBus, MemoryGraph
from stream_infer_ros.pipeline.data_path import data_path
from stream_infer_ros.pipeline.runtime.replay import OneThread
from stream_infer_ros.pipeline.steps.read import Message, Tick
from stream_infer_ros.simulation import SimulationOptions, Timing, schedule
from stream_infer_ros.simulation.publisher import WorldPublisher

SMALL = SimulationOptions(cameras=3, width=160, height=120, timing=Timing(rate_hz=10.0, phase_ms=6.0))
EPOCH_NS = 1_000_000_000_000


class Clock:
    """Stands until told otherwise; nanoseconds."""

    def __init__(self, now_ns: int = EPOCH_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Yard:
    """A robot's cameras on one end of a bus, and the other end for the pipeline; both see one clock."""

    def __init__(self, options: SimulationOptions = SMALL, speed_m_s: float = 1.0) -> None:
        self.options = options
        self.clock = Clock()
        bus = MemoryBus()
        self.graph = MemoryGraph(bus, self.clock)
        self.cameras = MemoryGraph(bus, self.clock)
        self.publisher = WorldPublisher(self.cameras, options.world(), options.rig(), EPOCH_NS, speed_m_s)

    def exposures(self, ticks: int):
        return schedule(self.options.cameras, self.options.seed, EPOCH_NS, self.options.timing, ticks)

    def stream(self, ticks: int, skip=lambda exposure: False) -> None:
        """Publish every exposure of so many ticks at its stamp, but those to skip."""
        for exposure in self.exposures(ticks):
            self.clock.now_ns = exposure.stamp_ns
            if not skip(exposure):
                self.publisher.hand_out(self.publisher.prepare(exposure))

    def collect(self, topic: str, type_name: str, qos) -> list[bytes]:
        """Messages that anyone publishes there from now on."""
        messages: list[bytes] = []
        self.cameras.subscribe(topic, type_name, qos, lambda cdr, _: messages.append(bytes(cdr)))
        return messages


class Stepped:
    """Runs a pipeline inside `publish`: what a camera sends has passed all steps when `publish` returns.

    Attributes:
        results: everything that was published so far.
    """

    runner = OneThread

    def __init__(self, graph, assembly) -> None:
        self.assembly = assembly
        self.results = []
        self._graph = graph
        for topic, type_name, qos in assembly.subscriptions():
            graph.subscribe(topic, type_name, qos, lambda cdr, ns, topic=topic: self._take(topic, cdr, ns))

    def _take(self, topic, cdr, received_ns):
        self.run(Tick(received_ns), Message(topic, cdr, received_ns))

    def tick(self, now_ns) -> None:
        """Let the time pass without a message."""
        self.run(Tick(now_ns))

    def run(self, *messages) -> None:
        runner = self.runner(messages, self._graph.now_ns)
        self.results += data_path(self.assembly.steps, runner)

    def let_the_map_age(self, now_ns) -> None:
        """Publish the map at `now_ns` as a live run does if no set comes for a while."""
        runner = NoSetComes((), lambda: now_ns)
        self.results += data_path(self.assembly.steps, runner)


class NoSetComes(OneThread):
    def perceive(self, jobs, perceive):
        yield None
