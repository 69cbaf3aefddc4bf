"""Runs batches through a network on a CUDA device, with copies and computation side by side."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device.buffers import BufferSet
from stream_infer_ros.inference.engines.device.cuda import Cuda
from stream_infer_ros.inference.engines.device.device_network import DeviceNetwork, Recording, Shape
from stream_infer_ros.inference.input_packing import ImageInput

_log = logging.getLogger(__name__)

SETS = 2
# Each costs memory on the device; beyond these, runs are queued one by one.
MOST_RECORDINGS = 64


# Outputs in the network's order, the caller's own, and how many images they are of.
Run = tuple[list[NDArray[Any]], int]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A batch under way.

    Attributes:
        buffers: where its outputs will be.
        count: its images.
        shapes: of each output, cut to these.
    """

    buffers: BufferSet
    count: int
    shapes: tuple[Shape, ...]


class DeviceRunner:
    """Two sets of buffers, one stream for uploads and one for everything else.

    While the network runs on one set, the next batch is packed and uploaded into the other. A batch size
    that comes a second time is recorded as a CUDA graph and replayed from then on. Used by one thread at a
    time. After an error it only closes.
    """

    def __init__(
        self, cuda: Cuda, index: int, network: DeviceNetwork, image_input: ImageInput, most: int, graphs: bool
    ) -> None:
        """Of GPU number `index`; `most` images in one run of `network`, `graphs` whether to record runs.

        `network` is closed with the runner.
        """
        self._cuda = cuda
        self._index = index
        self._network = network
        self._input = image_input
        self._most = image_input.fixed_batch or most
        self._graphs = graphs and network.recordable
        self._failed = False
        self._resources = ExitStack()
        self._resources.callback(network.close)
        self._streams: list[int] = []
        # Last in, first out: as long as one batch at a time is enough, it is always the same set.
        self._free: list[BufferSet] = []
        self._known: dict[tuple[int, int], tuple[Shape, ...]] = {}
        self._recordings: dict[tuple[int, int], Recording] = {}

    def open(self) -> None:
        """Take memory and streams, and run the network at full size. Raises EngineError."""
        try:
            self._own()
            self._streams = [self._stream(), self._stream()]
            self._free.extend(
                BufferSet.allocate(
                    self._cuda, number, self._input, self._most, self._network.outputs, self._resources
                )
                for number in range(SETS)
            )
            # What a runtime puts off to its first run, and the recording at the second, shall not wait for
            # the first pictures. And a network of a fixed batch also looks at rows nobody has filled: let
            # them be pictures, not noise.
            blank = np.zeros((self._most, self._input.height, self._input.width, 3), np.uint8)
            for _ in range(2):
                tickets = [self.submit(blank) for _ in range(SETS)]
                for ticket in tickets:
                    self.collect(ticket)
        except BaseException:
            self._failed = True
            self.close()
            raise

    def infer(self, images: NDArray[np.uint8]) -> list[Run]:
        """Run images (n, height, width, 3) uint8 in as many parts as it takes. Raises EngineError."""
        under_way: deque[Ticket] = deque()
        runs = []
        for first in range(0, len(images), self._most):
            if len(under_way) == SETS:
                runs.append(self.collect(under_way.popleft()))
            under_way.append(self.submit(images[first : first + self._most]))
        runs.extend(self.collect(ticket) for ticket in under_way)
        return runs

    def submit(self, images: NDArray[np.uint8]) -> Ticket:
        """Start a run of at most `most` images, which are the caller's again on return. Raises EngineError.

        At most `SETS` are under way; they are collected in the order they were submitted.
        """
        if self._failed or not self._free:
            raise EngineError(
                f'expected a working device with a free buffer, '
                f'{"it failed before" if self._failed else f"{SETS} batches are under way"}; '
                f'{"close the engine and load it again" if self._failed else "collect one first"}'
            )
        try:
            self._own()
            return self._submit(images, self._free.pop())
        except BaseException:
            self._failed = True
            raise

    def collect(self, ticket: Ticket) -> Run:
        """Wait for a run, and copy its outputs out of the buffers. Raises EngineError."""
        buffers = ticket.buffers
        try:
            self._own()
            self._cuda.synchronise_event(buffers.done)
        except BaseException:
            self._failed = True
            raise
        outputs = [
            buffers.result(place, output.dtype, shape)
            for place, (output, shape) in enumerate(zip(self._network.outputs, ticket.shapes, strict=True))
        ]
        self._free.append(buffers)
        return outputs, ticket.count

    def close(self) -> None:
        """Wait for what is under way and give everything back. Safe to call twice.

        Raises EngineError, after all of it, if the device complains that had not failed before.
        """
        resources, self._resources = self._resources, ExitStack()
        streams, self._streams = self._streams, []
        self._free.clear()
        self._known.clear()
        self._recordings.clear()
        try:
            with resources:
                if streams:
                    self._own()
                for stream in streams:
                    self._cuda.synchronise_stream(stream)
        except EngineError:
            # A device that failed repeats the old story at every call.
            if not self._failed:
                self._failed = True
                raise

    def _submit(self, images: NDArray[np.uint8], buffers: BufferSet) -> Ticket:
        copies, compute = self._streams
        count = len(images)
        buffers.staged_input[:count] = self._input.pack(images)
        self._cuda.upload(buffers.source, buffers.staged_input[:count], copies)
        self._cuda.record(buffers.uploaded, copies)
        self._cuda.wait(compute, buffers.uploaded)
        n = self._input.fixed_batch or count
        shapes = tuple(
            (count, *shape[1:]) if shape[:1] == (n,) else shape for shape in self._run(n, buffers, compute)
        )
        for memory, address, output, shape in zip(
            buffers.staged_outputs, buffers.targets, self._network.outputs, shapes, strict=True
        ):
            size = int(np.prod(shape)) * np.dtype(output.dtype).itemsize
            if size:
                self._cuda.download(memory[:size], address, compute)
        self._cuda.record(buffers.done, compute)
        return Ticket(buffers, count, shapes)

    def _run(self, n: int, buffers: BufferSet, stream: int) -> tuple[Shape, ...]:
        """Queue the network: the first time as it is, from the second time on as a recording."""
        key = (n, buffers.number)
        if key not in self._known:
            self._known[key] = self._network.run(n, buffers.source, buffers.targets, stream)
            return self._known[key]
        if key not in self._recordings and self._graphs and len(self._recordings) < MOST_RECORDINGS:
            self._record(key, buffers, stream)
        if key not in self._recordings:
            return self._network.run(n, buffers.source, buffers.targets, stream)
        self._recordings[key].launch(stream)
        return self._known[key]

    def _record(self, key: tuple[int, int], buffers: BufferSet, stream: int) -> None:
        try:
            recording = self._network.capture(key[0], buffers.source, buffers.targets, stream)
        except EngineError as error:
            self._graphs = False
            _log.warning('runs without CUDA graphs, which makes each somewhat slower: %s', str(error))
        else:
            self._resources.callback(recording.close)
            self._recordings[key] = recording

    def _own(self) -> None:
        """CUDA's current device is the thread's, and others on it choose theirs."""
        self._cuda.use(self._index)

    def _stream(self) -> int:
        stream = self._cuda.create_stream()
        self._resources.callback(self._cuda.destroy_stream, stream)
        return stream
