"""KServe v2 over gRPC, through tritonclient."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from stream_infer_ros.inference.engines.kserve.client import (
    KSERVE_OF,
    AttemptFailed,
    Cause,
    Request,
    import_tritonclient,
)
from stream_infer_ros.inference.engines.kserve.endpoint import Endpoint
from stream_infer_ros.inference.engines.kserve.region import Region

_CAUSES: dict[str, Cause] = {
    'StatusCode.DEADLINE_EXCEEDED': 'late',
    'StatusCode.UNAVAILABLE': 'unreachable',
    'StatusCode.CANCELLED': 'unreachable',
}
_ANY_SIZE = -1
_OPTIONS = [
    ('grpc.max_send_message_length', _ANY_SIZE),
    ('grpc.max_receive_message_length', _ANY_SIZE),
    # A server that is up again is to be used at once. The default waits up to two minutes.
    ('grpc.initial_reconnect_backoff_ms', 100),
    ('grpc.min_reconnect_backoff_ms', 500),
    ('grpc.max_reconnect_backoff_ms', 500),
    # Proxies in the environment are for the internet, not for a local GPU server.
    ('grpc.enable_http_proxy', 0),
]


class GrpcClient:
    def __init__(self, endpoint: Endpoint) -> None:
        """Connects with the first call. Raises EngineError if tritonclient is not installed."""
        self._triton = import_tritonclient('grpc')
        self._client = self._triton.InferenceServerClient(endpoint.address, channel_args=_OPTIONS)

    def is_live(self, within_s: float) -> bool:
        return bool(self._call(self._client.is_server_live, client_timeout=within_s))

    def is_model_ready(self, model: str, version: str, within_s: float) -> bool:
        return bool(self._call(self._client.is_model_ready, model, version, client_timeout=within_s))

    def model_metadata(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        return dict(
            self._call(self._client.get_model_metadata, model, version, as_json=True, client_timeout=within_s)
        )

    def model_config(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        try:
            answer = self._client.get_model_config(model, version, as_json=True, client_timeout=within_s)
        except self._triton.InferenceServerException as error:
            if error.status() == 'StatusCode.UNIMPLEMENTED':
                return {}
            raise _failed(error) from error
        except ValueError as error:  # a closed channel raises this
            raise AttemptFailed('unreachable', str(error)) from error
        return dict(answer['config'])

    def infer(self, request: Request, within_s: float) -> dict[str, NDArray[Any]]:
        images = self._triton.InferInput(
            request.input.name, list(request.images.shape), KSERVE_OF[request.input.dtype]
        )
        if request.images_at is None:
            images.set_data_from_numpy(request.images)
        else:
            place = request.images_at
            images.set_shared_memory(place.region, place.size, place.offset)
        outputs = [self._triton.InferRequestedOutput(tensor.name) for tensor in request.outputs]
        for output, place in zip(outputs, request.outputs_at, strict=False):
            output.set_shared_memory(place.region, place.size, place.offset)
        answer = self._call(
            self._client.infer,
            request.model,
            [images],
            request.version,
            outputs,
            client_timeout=within_s,
        )
        if request.outputs_at:
            return {}
        return {tensor.name: answer.as_numpy(tensor.name) for tensor in request.outputs}

    def regions(self, kind: str, within_s: float) -> tuple[str, ...]:
        ask = getattr(self._client, f'get_{kind}_shared_memory_status')
        return tuple(self._call(ask, as_json=True, client_timeout=within_s).get('regions', ()))

    def register(self, region: Region, within_s: float) -> None:
        if region.kind == 'cuda':
            handle = region.handle().encode()
            self._call(
                self._client.register_cuda_shared_memory,
                region.name,
                handle,
                0,
                region.size,
                client_timeout=within_s,
            )
        else:
            self._call(
                self._client.register_system_shared_memory,
                region.name,
                region.handle(),
                region.size,
                client_timeout=within_s,
            )

    def unregister(self, kind: str, name: str, within_s: float) -> None:
        self._call(getattr(self._client, f'unregister_{kind}_shared_memory'), name, client_timeout=within_s)

    def close(self) -> None:
        self._client.close()

    def _call(self, method: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(*arguments, **options)
        except self._triton.InferenceServerException as error:
            raise _failed(error) from error
        except ValueError as error:  # a closed channel raises this
            raise AttemptFailed('unreachable', str(error)) from error


def _failed(error: Any) -> AttemptFailed:
    message = str(error.message() or error)
    if 'find shared memory region' in message:
        return AttemptFailed('no_region', message)
    return AttemptFailed(_CAUSES.get(str(error.status()), 'refused'), message)
