"""A CUDA without a GPU: queues, events, graphs and memories as CUDA has them, and every liberty it takes.

Work that was queued runs when somebody waits for it ('late'), at once ('early'), or at any time between, as
a seed says. A copy looks at its memory when it runs, not when it is queued: who fills a buffer too early,
reads one too early or forgets to wait gets wrong numbers here, as on a GPU.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device import CudaDevice

GARBAGE = 0xA5
RELEASES = ('free', 'host_free', 'destroy_stream', 'destroy_event', 'destroy_graph', 'destroy_graph_exec')


@dataclass
class Mark:
    """Where an event was put; another one each time."""

    stream: int
    reached: bool = False


@dataclass
class Work:
    """One thing in a queue."""

    name: str
    run: Callable[[], None] = lambda: None
    after: Mark | None = None


@dataclass
class CudaDouble:
    """See Cuda.

    Attributes:
        schedule: 'late', 'early', or a seed.
        fail_at: number of the call that raises; -1: none does.
        fatal: whether every call after that one raises, too.
        refuse_capture: whether nothing can be captured.
        devices: how many there are.
        calls: names of all calls, in order.
        executed: names of the work that was done, in order.
    """

    schedule: str | int = 'late'
    fail_at: int = -1
    fatal: bool = False
    refuse_capture: bool = False
    devices: int = 1
    calls: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory: dict[int, np.ndarray] = {}
        self.host: dict[int, np.ndarray] = {}
        self.streams: dict[int, deque[Work]] = {}
        self.events: dict[int, Mark | None] = {}
        self.graphs: dict[int, list[Work]] = {}
        self.graph_execs: dict[int, list[Work]] = {}
        self.captures: dict[int, list[Work]] = {}
        self._handles = iter(range(0x1000, 1 << 40, 0x1000))
        self._threads: dict[int, int] = {}
        self._chance = random.Random(self.schedule)
        self._dead = False

    # What tests ask.

    def held(self) -> dict[str, int]:
        """How many of each kind were taken and not given back; nothing if none was."""
        kinds = {
            'memory': self.memory,
            'host': self.host,
            'streams': self.streams,
            'events': self.events,
            'graphs': self.graphs,
            'graph_execs': self.graph_execs,
            'captures': self.captures,
        }
        return {name: len(held) for name, held in kinds.items() if held}

    def advance(self, stream: int) -> None:
        """Do what is queued on one stream as far as it waits for no other."""
        while self._step(stream):
            pass

    def queue(self, stream: int, name: str, run: Callable[[], None]) -> None:
        """A kernel: for doubles of runtimes."""
        self._enter(name, stream=stream)
        self._put(stream, Work(name, run))

    def view(self, address: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """Memory of the device, for kernels."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return self.memory[address][:size].view(dtype).reshape(shape)

    # What the code under test asks.

    def device_count(self) -> int:
        self._enter('device_count', thread=False)
        return self.devices

    def device(self, index: int) -> CudaDevice:
        self._enter('device', thread=False)
        return CudaDevice(index, 'Double', (8, 9), 1 << 30)

    def use(self, index: int) -> None:
        self._enter('use', thread=False)
        assert index < self.devices
        self._threads[threading.get_ident()] = index

    def malloc(self, size: int) -> int:
        self._enter('malloc')
        assert size > 0
        assert not self.captures, 'allocates while capturing'
        return self._keep(self.memory, np.full(size, GARBAGE, np.uint8))

    def free(self, address: int) -> None:
        self._release('free', self.memory, address)

    def host_malloc(self, size: int) -> np.ndarray:
        self._enter('host_malloc')
        assert size > 0
        memory = np.full(size, GARBAGE, np.uint8)
        self.host[memory.ctypes.data] = memory
        return memory

    def host_free(self, memory: np.ndarray) -> None:
        memory[:] = GARBAGE  # whoever still looks at it sees that
        self._release('host_free', self.host, memory.ctypes.data)

    def upload(self, address: int, memory: np.ndarray, stream: int) -> None:
        self._enter('upload', stream=stream)
        source = self._pinned(memory)

        def run() -> None:
            assert memory.nbytes <= len(self.memory[address])
            self.memory[address][: memory.nbytes] = source

        self._put(stream, Work('upload', run))

    def download(self, memory: np.ndarray, address: int, stream: int) -> None:
        self._enter('download', stream=stream)
        target = self._pinned(memory)

        def run() -> None:
            assert memory.nbytes <= len(self.memory[address])
            target[:] = self.memory[address][: memory.nbytes]

        self._put(stream, Work('download', run))

    def create_stream(self) -> int:
        self._enter('create_stream')
        return self._keep(self.streams, deque())

    def synchronise_stream(self, stream: int) -> None:
        self._enter('synchronise_stream', stream=stream)
        assert stream not in self.captures, 'waits for a stream that is captured'
        while self.streams[stream]:
            self._force(stream)

    def destroy_stream(self, stream: int) -> None:
        if not self._dead:
            assert not self.streams[stream], 'destroys a stream at work'
        self._release('destroy_stream', self.streams, stream)

    def create_event(self) -> int:
        self._enter('create_event')
        return self._keep(self.events, None)

    def record(self, event: int, stream: int) -> None:
        self._enter('record', stream=stream)
        mark = Mark(stream)
        assert event in self.events
        self.events[event] = mark
        self._put(stream, Work('mark', lambda: setattr(mark, 'reached', True)))

    def wait(self, stream: int, event: int) -> None:
        self._enter('wait', stream=stream)
        self._put(stream, Work('wait', after=self.events[event]))

    def synchronise_event(self, event: int) -> None:
        self._enter('synchronise_event')
        mark = self.events[event]
        while mark is not None and not mark.reached:
            self._force(mark.stream)

    def destroy_event(self, event: int) -> None:
        self._release('destroy_event', self.events, event)

    def begin_capture(self, stream: int) -> None:
        self._enter('begin_capture', stream=stream)
        self.captures[stream] = []

    def end_capture(self, stream: int) -> int:
        captured = self.captures.pop(stream)  # also where it raises
        self._enter('end_capture', stream=stream)
        if self.refuse_capture:
            raise EngineError('operation not permitted when stream is capturing')
        return self._keep(self.graphs, captured)

    def instantiate(self, graph: int) -> int:
        self._enter('instantiate')
        return self._keep(self.graph_execs, list(self.graphs[graph]))

    def destroy_graph(self, graph: int) -> None:
        self._release('destroy_graph', self.graphs, graph)

    def launch(self, graph_exec: int, stream: int) -> None:
        self._enter('launch', stream=stream)
        for work in self.graph_execs[graph_exec]:
            self._put(stream, work)

    def destroy_graph_exec(self, graph_exec: int) -> None:
        self._release('destroy_graph_exec', self.graph_execs, graph_exec)

    # How it does it.

    def _enter(self, name: str, stream: int | None = None, thread: bool = True) -> None:
        number = len(self.calls)
        self.calls.append(name)
        if thread:
            assert threading.get_ident() in self._threads, f'{name} on a thread that uses no device'
        if stream is not None:
            assert stream in self.streams, f'{name} on a stream that is none'
        if number == self.fail_at or self._dead:
            self._dead = self.fatal
            raise EngineError(f'call {number}, {name}, fails on purpose')

    def _release(self, name: str, kind: dict[int, object], handle: int) -> None:
        # As CUDA does: what fails is work from before; the handle is gone all the same.
        del kind[handle]
        self._enter(name)

    def _keep(self, kind: dict, value: object) -> int:
        handle = next(self._handles)
        kind[handle] = value
        return handle

    def _pinned(self, memory: np.ndarray) -> np.ndarray:
        """The bytes of an array that begins somewhere in pinned memory."""
        assert memory.flags.c_contiguous
        assert memory.nbytes > 0
        for address, whole in self.host.items():
            offset = memory.ctypes.data - address
            if offset >= 0 and offset + memory.nbytes <= len(whole):
                return whole[offset : offset + memory.nbytes]
        raise AssertionError('copies from or to memory that is not pinned')

    def _put(self, stream: int, work: Work) -> None:
        if stream in self.captures:
            assert work.name not in {'mark', 'wait'}
            self.captures[stream].append(work)
            return
        self.streams[stream].append(work)
        if self.schedule == 'early':
            for each in self.streams:
                self.advance(each)
        elif self.schedule != 'late':
            for each in self._chance.choices(list(self.streams), k=self._chance.randrange(4)):
                self._step(each)

    def _step(self, stream: int) -> bool:
        """Do the next of a stream; False if there is none, or it waits for another."""
        queue = self.streams[stream]
        if not queue or (queue[0].after is not None and not queue[0].after.reached):
            return False
        work = queue.popleft()
        work.run()
        self.executed.append(work.name)
        return True

    def _force(self, stream: int) -> None:
        """Do the next of a stream, after all it waits for."""
        mark = self.streams[stream][0].after
        while mark is not None and not mark.reached:
            self._force(mark.stream)
        assert self._step(stream)
