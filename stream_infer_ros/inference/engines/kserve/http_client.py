"""KServe v2 over HTTP.

tritonclient encodes and decodes the bodies (JSON followed by binary tensors). The connection is our own, on
`http.client`, because a request must end at its deadline. The HTTP client of tritonclient uses gevent,
belongs to one thread, and has only a timeout for each read, so that a slow response can take any time.
Timeouts of urllib3, requests and httpx also apply to single reads and not to the whole exchange.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from stream_infer_ros.inference.engines.kserve.client import (
    KSERVE_OF,
    AttemptFailed,
    Request,
    import_tritonclient,
)
from stream_infer_ros.inference.engines.kserve.endpoint import Endpoint
from stream_infer_ros.inference.engines.kserve.region import Region

_HEADER_LENGTH = 'Inference-Header-Content-Length'
_OK = 200
# Responses of a proxy, or of a server that is starting or stopping.
_AWAY = (502, 503)
_TOO_LATE = 504


class HttpClient:
    """A client with a pool of connections: as many as there were simultaneous calls."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connects with the first call. Raises EngineError if tritonclient is not installed."""
        self._triton = import_tritonclient('http')
        self._endpoint = endpoint
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def is_live(self, within_s: float) -> bool:
        return self._ask('GET', '/v2/health/live', within_s)[0] == _OK

    def is_model_ready(self, model: str, version: str, within_s: float) -> bool:
        return self._ask('GET', f'{_path(model, version)}/ready', within_s)[0] == _OK

    def model_metadata(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        return dict(_parsed(self._get(_path(model, version), within_s)))

    def model_config(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        status, _, body = self._ask('GET', f'{_path(model, version)}/config', within_s)
        # Servers without this extension do not know the path.
        return dict(_parsed(body)) if status == _OK else {}

    def infer(self, request: Request, within_s: float) -> dict[str, NDArray[Any]]:
        images = self._triton.InferInput(
            request.input.name, list(request.images.shape), KSERVE_OF[request.input.dtype]
        )
        if request.images_at is None:
            images.set_data_from_numpy(request.images, binary_data=True)
        else:
            place = request.images_at
            images.set_shared_memory(place.region, place.size, place.offset)
        outputs = [self._triton.InferRequestedOutput(t.name, binary_data=True) for t in request.outputs]
        for output, place in zip(outputs, request.outputs_at, strict=False):
            output.set_shared_memory(place.region, place.size, place.offset)
        codec = self._triton.InferenceServerClient
        body, header_length = codec.generate_request_body([images], outputs=outputs)
        headers = {'Content-Type': 'application/octet-stream'}
        if header_length is not None:
            headers[_HEADER_LENGTH] = str(header_length)
        path = f'{_path(request.model, request.version)}/infer'
        status, answered, answer = self._ask('POST', path, within_s, body, headers)
        if status != _OK:
            raise _refused(status, answer)
        if request.outputs_at:
            return {}
        length = answered.get(_HEADER_LENGTH)
        result = codec.parse_response_body(answer, header_length=None if length is None else int(length))
        return {tensor.name: result.as_numpy(tensor.name) for tensor in request.outputs}

    def regions(self, kind: str, within_s: float) -> tuple[str, ...]:
        regions = _parsed(self._get(f'/v2/{kind}sharedmemory/status', within_s))
        return tuple(region['name'] for region in regions)

    def register(self, region: Region, within_s: float) -> None:
        parameters: dict[str, Any] = {'byte_size': region.size}
        if region.kind == 'cuda':
            parameters.update(raw_handle={'b64': region.handle()}, device_id=0)
        else:
            parameters.update(key=region.handle(), offset=0)
        self._post(f'/v2/{region.kind}sharedmemory/region/{region.name}/register', parameters, within_s)

    def unregister(self, kind: str, name: str, within_s: float) -> None:
        self._post(f'/v2/{kind}sharedmemory/region/{name}/unregister', {}, within_s)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _get(self, path: str, within_s: float) -> bytes:
        status, _, body = self._ask('GET', path, within_s)
        if status != _OK:
            raise _refused(status, body)
        return body

    def _post(self, path: str, parameters: Mapping[str, Any], within_s: float) -> None:
        status, _, body = self._ask('POST', path, within_s, json.dumps(parameters).encode())
        if status != _OK:
            raise _refused(status, body)

    def _ask(
        self,
        method: str,
        path: str,
        within_s: float,
        body: bytes = b'',
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        deadline_s = time.monotonic() + within_s
        connection = self._take()
        # The server may have closed an idle connection. Then a new one is tried.
        fresh = connection.sock is None
        try:
            try:
                answer = _exchange(connection, method, path, deadline_s, body, headers or {})
            except (ConnectionError, http.client.HTTPException):
                if fresh:
                    raise
                connection.close()
                answer = _exchange(connection, method, path, deadline_s, body, headers or {})
        except TimeoutError as error:
            connection.close()
            raise AttemptFailed('late', f'no answer within {within_s * 1e3:.0f} ms') from error
        except http.client.HTTPException as error:
            connection.close()
            raise AttemptFailed('unreachable', f'the server does not use HTTP ({error!r})') from error
        except OSError as error:
            connection.close()
            raise AttemptFailed('unreachable', str(error) or type(error).__name__) from error
        self._give_back(connection)
        return answer

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._closed:
                raise AttemptFailed('unreachable', 'the connection was closed here')
            if self._idle:
                return self._idle.pop()
        return http.client.HTTPConnection(self._endpoint.host, self._endpoint.port)

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    deadline_s: float,
    body: bytes,
    headers: Mapping[str, str],
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send a request and return the complete response. Each step gets the time that is left."""
    connection.timeout = _left(deadline_s)
    if connection.sock is None:
        connection.connect()
    sock, pieces = connection.sock, []  # the connection forgets its socket if the server closes it
    sock.settimeout(_left(deadline_s))
    connection.request(method, path, body, dict(headers))
    sock.settimeout(_left(deadline_s))
    response = connection.getresponse()
    while not response.isclosed() and response.length != 0:
        sock.settimeout(_left(deadline_s))
        pieces.append(response.read1(1 << 20))
    response.read()  # nothing is left to read; this frees the connection for the next request
    return response.status, response.headers, b''.join(pieces)


def _left(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _path(model: str, version: str) -> str:
    return f'/v2/models/{model}/versions/{version}' if version else f'/v2/models/{model}'


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise AttemptFailed('refused', f'expected JSON, the answer begins with {body[:40]!r}') from error


def _refused(status: int, body: bytes) -> AttemptFailed:
    try:
        message = str(json.loads(body)['error'])
    except (ValueError, KeyError, TypeError):
        message = f'HTTP status {status}'
    if 'find shared memory region' in message:
        return AttemptFailed('no_region', message)
    if status == _TOO_LATE:
        return AttemptFailed('late', message)
    return AttemptFailed('unreachable' if status in _AWAY else 'refused', message)
