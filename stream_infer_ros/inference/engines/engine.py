"""The contract of an inference runtime."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.network_io import EngineIo

# One letterboxed picture as the network sees it: (height, width, 3) uint8.
Picture = NDArray[np.uint8]
# The outputs of the network for one picture, by name. The first dimension is 1.
Outputs = dict[str, NDArray[Any]]


class Engine(Protocol):
    """One network on one device.

    Only one thread at a time may use an engine. Example:

    >>> import numpy as np
    >>> from stream_infer_ros.inference import FakeEngine
    >>> engine = FakeEngine()
    >>> engine.load()
    >>> height, width = engine.io.inputs[0].shape[1:3]
    >>> pictures = (np.zeros((height, width, 3), np.uint8) for _ in range(2))
    >>> [outputs['ground'].shape for outputs in engine.run(pictures)]
    [(1, 60, 80), (1, 60, 80)]
    >>> engine.close()
    """

    @property
    def io(self) -> EngineIo:
        """Inputs, outputs and metadata of the network. Raises EngineError before `load`."""
        ...

    def load(self) -> None:
        """Read and compile the network. Raises ModelError (the file) or EngineError (the runtime)."""
        ...

    def run(self, pictures: Iterable[Picture], within_s: float = math.inf) -> Iterator[Outputs]:
        """Run the network on each picture, and yield the outputs in the order of the pictures.

        An engine that runs pictures one by one starts each as soon as it gets it, and takes the next while
        the network runs. Other engines take all pictures first and run them as one batch.

        Args:
            pictures: each (height, width, 3) uint8 of the network's size. Do not write into a picture before
                the last outputs have come: the engine may read it in place. Pictures that are consecutive
                items of one array are not copied into a batch (see `as_batch`).
            within_s: how long the results are worth waiting for. Engines of this process cannot cancel a
                run and ignore it.

        Yields the outputs of one picture at a time. The arrays belong to the caller and stay valid after the
        next run. Raises InferenceMissed if these pictures have no result in time but the next may have one,
        and any other EngineError if the runtime failed or a picture has another size.
        """
        ...

    def close(self) -> None:
        """Free the device. May be called twice. The engine can be loaded again."""
        ...
