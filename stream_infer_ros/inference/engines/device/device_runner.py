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
# Each recording takes memory on the device. Runs beyond this number are queued without a recording.
MOST_RECORDINGS = 64


# The outputs in the order of the network, which the caller owns, and the number of their images.
Run = tuple[list[NDArray[Any]], int]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A batch that is running.

    Attributes:
        buffers: the buffers that its outputs are written to.
        count: number of its images.
        shapes: shape of each output for these images.
    """

    buffers: BufferSet
    count: int
    shapes: tuple[Shape, ...]


class DeviceRunner:
    """Run a network with two sets of buffers, one stream for uploads and one for everything else.

    While the network runs on one set, the next batch is packed and uploaded into the other. The second run of
    a batch size is recorded as a CUDA graph, which is replayed from then on. Only one thread at a time may
    use a runner. After an error it can only be closed.
    """

    def __init__(
        self, cuda: Cuda, index: int, network: DeviceNetwork, image_input: ImageInput, most: int, graphs: bool
    ) -> None:
        """Create a runner on GPU number `index`.

        `most` is the largest number of images in one run of `network`. `graphs` says whether runs are
        recorded. The network is closed with the runner.
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
        # Last in, first out: while there is only one batch at a time, it always uses the same set.
        self._free: list[BufferSet] = []
        self._known: dict[tuple[int, int], tuple[Shape, ...]] = {}
        self._recordings: dict[tuple[int, int], Recording] = {}

    def open(self) -> None:
        """Allocate memory and streams, and run the network with the largest batch. Raises EngineError."""
        try:
            self._own()
            self._streams = [self._stream(), self._stream()]
            self._free.extend(
                BufferSet.allocate(
                    self._cuda, number, self._input, self._most, self._network.outputs, self._resources
                )
                for number in range(SETS)
            )
            # A runtime postpones work to its first run, and the second run is recorded. Both should happen
            # before the first pictures arrive. A network with a fixed batch size also processes rows that
            # are not filled, which are black pictures after this and not noise.
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
        """Run images (n, height, width, 3) uint8, in parts if necessary. Raises EngineError."""
        under_way: deque[Ticket] = deque()
        runs = []
        for first in range(0, len(images), self._most):
            if len(under_way) == SETS:
                runs.append(self.collect(under_way.popleft()))
            under_way.append(self.submit(images[first : first + self._most]))
        runs.extend(self.collect(ticket) for ticket in under_way)
        return runs

    def submit(self, images: NDArray[np.uint8]) -> Ticket:
        """Start a run of at most `most` images. They are copied before this returns. Raises EngineError.

        At most `SETS` runs may be in progress. Collect them in the order of submission.
        """
        if self._failed or not self._free:
            raise EngineError(
                f'expected a working device with a free buffer, '
                f'{"it failed before" if self._failed else f"{SETS} batches are running"}; '
                f'{"close the engine and load it again" if self._failed else "collect one first"}'
            )
        try:
            self._own()
            return self._submit(images, self._free.pop())
        except BaseException:
            self._failed = True
            raise

    def collect(self, ticket: Ticket) -> Run:
        """Wait for a run and return copies of its outputs. Raises EngineError."""
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
        """Wait for runs in progress and free everything. May be called twice.

        Raises EngineError after everything is freed, if the device reports an error for the first time.
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
            # A device that has failed reports the same error at every call.
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
        """Queue the network; from the second run of a batch size on as a recording."""
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
            _log.warning('CUDA graphs are not used, which makes each run slightly slower: %s', str(error))
        else:
            self._resources.callback(recording.close)
            self._recordings[key] = recording

    def _own(self) -> None:
        """Select our GPU, because the current device belongs to the thread and others may have changed it."""
        self._cuda.use(self._index)

    def _stream(self) -> int:
        stream = self._cuda.create_stream()
        self._resources.callback(self._cuda.destroy_stream, stream)
        return stream
