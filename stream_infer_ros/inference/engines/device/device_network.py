"""What a runtime on a CUDA device is asked for: a network that reads and writes given addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeviceOutput:
    """One output as it lies on the device.

    Attributes:
        name: of the tensor.
        dtype: as numpy names it.
        most_bytes: the largest it gets.
    """

    name: str
    dtype: str
    most_bytes: int


class Recording(Protocol):
    """What a run queues, written down once to be queued again without the runtime."""

    def launch(self, stream: int) -> None:
        """Queue it."""
        ...

    def close(self) -> None:
        """Give it back; nothing of it is running any more."""
        ...


class DeviceNetwork(Protocol):
    """A network that is loaded on a device. Everything of it happens on one stream, on one thread."""

    @property
    def outputs(self) -> tuple[DeviceOutput, ...]:
        """In the order of the addresses that `run` gets."""
        ...

    @property
    def recordable(self) -> bool:
        """Whether a run queues the same work each time, whatever the pictures."""
        ...

    def run(self, n: int, source: int, targets: Sequence[int], stream: int) -> tuple[Shape, ...]:
        """Queue one run.

        Args:
            n: images; of a network of a fixed batch, that many.
            source: address of the input.
            targets: address of each output, `most_bytes` long.
            stream: to queue it on.

        Returns the shape of each output. Raises EngineError.
        """
        ...

    def capture(self, n: int, source: int, targets: Sequence[int], stream: int) -> Recording:
        """Write down what `run` queues. Raises EngineError where that cannot be had."""
        ...

    def close(self) -> None:
        """Give it back; nothing of it is running any more. Called once."""
        ...
