"""One server: the connection, the model it serves, and the memory shared with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from stream_infer_ros.config import KserveConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.kserve.client import AttemptFailed, KserveClient, Place, Request
from stream_infer_ros.inference.engines.kserve.endpoint import Endpoint
from stream_infer_ros.inference.engines.kserve.grpc_client import GrpcClient
from stream_infer_ros.inference.engines.kserve.http_client import HttpClient
from stream_infer_ros.inference.engines.kserve.region import CudaRegion, SystemRegion
from stream_infer_ros.inference.engines.kserve.served_model import ServedModel, served_model
from stream_infer_ros.inference.engines.kserve.shared_tensors import MakeRegion, SharedTensors

CLIENTS: dict[str, Callable[[Endpoint], KserveClient]] = {'grpc': GrpcClient, 'http': HttpClient}
_REGIONS: dict[str, MakeRegion] = {'system': SystemRegion, 'cuda': CudaRegion}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a batch that goes to a server in one request.

    Attributes:
        images: (rows, ...) packed for the network.
        first: index of the first row in the whole batch.
        capacity: number of rows of the whole batch.
    """

    images: NDArray[Any]
    first: int
    capacity: int


class Server:
    """The server of one endpoint. Several threads may call `run`; only one may call `prepare`."""

    def __init__(self, endpoint: Endpoint, model: str, config: KserveConfig) -> None:
        """Connects with the first call. Raises EngineError if tritonclient is not installed."""
        self.endpoint = endpoint
        self.served: ServedModel | None = None
        self._model, self._version = model, config.version
        self._client = CLIENTS[endpoint.scheme](endpoint)
        self._memory = self._shared(config.shared_memory)

    def check(self, within_s: float) -> None:
        """Raise AttemptFailed with the reason unless the server would run the model now."""
        if self._client.is_model_ready(self._model, self._version, within_s):
            return
        if not self._client.is_live(within_s):
            raise AttemptFailed('refused', 'the server is not live')
        raise AttemptFailed('refused', f'model {self._named()} is not ready there')

    def prepare(self, within_s: float) -> ServedModel:
        """Check the server, read its model and prepare shared memory, with `within_s` for each call.

        Raises AttemptFailed with the reason, and ModelError if the model cannot be run here.
        """
        self.check(within_s)
        metadata = self._client.model_metadata(self._model, self._version, within_s)
        config = self._client.model_config(self._model, self._version, within_s)
        self.served = served_model(metadata, config)
        self.share(within_s)
        return self.served

    def expect(self, rows: int, image_bytes: int) -> None:
        """Announce the size of batches. `share` then allocates memory for them."""
        if self._memory is not None:
            self._memory.expect(rows, image_bytes)

    def is_sharing(self) -> bool:
        """True if `share` has nothing to do."""
        return self._memory is None or self._memory.is_ready()

    def share(self, within_s: float) -> None:
        """Prepare shared memory. If that is not possible, tensors are sent over the network from now on.

        Raises AttemptFailed.
        """
        if self._memory is None or self.served is None:
            return
        # Without max_batch, the first dimension of an output need not be the batch.
        outputs = self.served.io.outputs if self.served.max_batch > 0 else ()
        try:
            self._memory.prepare(outputs, within_s)
        except AttemptFailed as error:
            if error.cause != 'refused':
                raise
            self._by_wire(str(error))
        except EngineError as error:  # the memory cannot be allocated here
            self._by_wire(str(error))

    def rehearse(self, images: NDArray[Any], within_s: float) -> None:
        """Run the model once as a warm-up, because the first run is many times slower than the next.

        Raises AttemptFailed.
        """
        assert self.served is not None  # `prepare` came first
        io = self.served.io
        request = Request(self._model, self._version, io.inputs[0], images, io.outputs)
        self._client.infer(request, within_s)

    def run(self, part: Part, within_s: float) -> dict[str, NDArray[Any]]:
        """Return outputs by name; the arrays may be read-only. Raises AttemptFailed."""
        deadline_s = time.monotonic() + within_s
        try:
            return self._attempt(part, within_s)
        except AttemptFailed as error:
            # A server that was restarted does not know the shared memory.
            if error.cause != 'no_region':
                raise
        return self._attempt(part, max(deadline_s - time.monotonic(), 1e-3))

    def close(self, within_s: float) -> None:
        """Unregister the shared memory and close the connection."""
        if self._memory is not None:
            self._memory.close(within_s)
        self._client.close()

    def _attempt(self, part: Part, within_s: float) -> dict[str, NDArray[Any]]:
        memory = self._memory
        try:
            request = self._request(part)
            outputs = self._client.infer(request, within_s)
            if request.outputs_at and memory is not None:
                return memory.take(request.outputs, request.outputs_at)
        except AttemptFailed as error:
            if memory is not None and error.cause != 'refused':
                memory.forget(all_of_it=error.cause != 'late')
            raise
        missing = [name for name, array in outputs.items() if array is None]
        if missing:
            raise AttemptFailed('refused', f'the answer lacks {", ".join(missing)}')
        return outputs

    def _request(self, part: Part) -> Request:
        assert self.served is not None  # `prepare` came first
        io, memory = self.served.io, self._memory
        images_at: Place | None = None
        outputs_at: tuple[Place, ...] = ()
        if memory is not None:
            row = part.images.nbytes // len(part.images)
            memory.expect(part.capacity, row)
            images_at = memory.put(part.first * row, part.images)
            if self.served.max_batch > 0:
                outputs_at = memory.places(io.outputs, part.first, len(part.images), part.capacity)
        return Request(
            self._model, self._version, io.inputs[0], part.images, io.outputs, images_at, outputs_at
        )

    def _shared(self, wanted: str) -> SharedTensors | None:
        if wanted == 'none':
            return None
        kind = 'system' if wanted == 'auto' else wanted
        if not self.endpoint.is_here():
            _log.info('%s is on another host: images are sent over the network', self.endpoint)
            return None
        return SharedTensors(self._client, kind, _REGIONS[kind])

    def _by_wire(self, reason: str) -> None:
        _log.warning('%s cannot share memory, images are sent over the network: %s', self.endpoint, reason)
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close(0.1)

    def _named(self) -> str:
        return f'{self._model!r} version {self._version}' if self._version else repr(self._model)
