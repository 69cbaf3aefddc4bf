"""GPU memory that is shared with a server on this host: images go to the GPU once, and stay there.

Not run by the tests: it needs an NVIDIA GPU in reach of both this process and the server.
"""

from __future__ import annotations

import base64
import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.kserve.region import unique_name

_REMEDY = '`pip install cuda-python`, or set engine.kserve.shared_memory: system'


class CudaRegion:
    """See Region. On GPU 0, which is the server's GPU 0 too."""

    kind = 'cuda'

    def __init__(self, size: int) -> None:
        """Raises EngineError if there is no CUDA, or no room."""
        try:
            self._cuda: Any = importlib.import_module('cuda.bindings.runtime')
        except ImportError as error:
            raise EngineError(
                f'expected CUDA for shared memory, cannot import it ({error}); {_REMEDY}'
            ) from error
        self.name = unique_name()
        self.size = size
        self._address: int | None = None
        self._call('cudaSetDevice', 0)
        self._address = int(self._call('cudaMalloc', size))

    def handle(self) -> str:
        """See Region: the IPC handle, in base64."""
        return base64.b64encode(bytes(self._call('cudaIpcGetMemHandle', self._address).reserved)).decode()

    def write(self, offset: int, array: NDArray[Any]) -> None:
        """See Region."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call('cudaMemcpy', self._at(offset), array.ctypes.data, array.nbytes, kind)

    def read(self, offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """See Region."""
        array = np.empty(shape, dtype)
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call('cudaMemcpy', array.ctypes.data, self._at(offset), array.nbytes, kind)
        return array

    def close(self) -> None:
        """See Region."""
        if self._address is not None:
            address, self._address = self._address, None
            self._call('cudaFree', address)

    def _at(self, offset: int) -> int:
        if self._address is None:
            raise EngineError('expected open CUDA memory, it was closed; load the engine again')
        return self._address + offset

    def _call(self, function: str, *arguments: Any) -> Any:
        """Call the runtime, which returns its error first. Raises EngineError."""
        error, *values = getattr(self._cuda, function)(*arguments)
        if int(error) != 0:
            raise EngineError(
                f'expected {function} to work, CUDA says {error!r}; check nvidia-smi, '
                f'or set engine.kserve.shared_memory: system'
            )
        return values[0] if values else None
