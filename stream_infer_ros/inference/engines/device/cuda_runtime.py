"""The CUDA runtime through NVIDIA's own bindings (`cuda.bindings.runtime`, for CUDA 12 and 13)."""

from __future__ import annotations

import ctypes
import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device.cuda import CudaDevice

_ANOTHER = 'or choose another engine.kind'
# Remedies for errors whose message does not contain one.
_REMEDIES = {
    'cudaErrorNoDevice': f'check nvidia-smi, start a container with --gpus all, {_ANOTHER}',
    'cudaErrorInsufficientDriver': 'install or update the NVIDIA driver (see nvidia-smi); for one of CUDA 12 '
    f"`pip install 'cuda-bindings<13'`; {_ANOTHER}",
    'cudaErrorMemoryAllocation': 'lower engine.max_batch, or end what else uses the GPU (see nvidia-smi)',
    'cudaErrorSystemDriverMismatch': f'restart the machine after the update of its driver, {_ANOTHER}',
    'cudaErrorDevicesUnavailable': 'end what holds the GPU for itself (see nvidia-smi)',
}
_REMEDY = 'see nvidia-smi and `dmesg | grep -i xid` for what the driver says'


class CudaRuntime:
    """The installed CUDA runtime. No GPU is used before the first call."""

    def __init__(self) -> None:
        """Raises EngineError if the bindings are not installed."""
        try:
            self._runtime: Any = importlib.import_module('cuda.bindings.runtime')
        except ImportError as error:
            raise EngineError(
                f'expected the bindings to CUDA, cannot import cuda.bindings ({error}); '
                f"`pip install 'cuda-bindings>=12.6'`, {_ANOTHER}"
            ) from error

    def device_count(self) -> int:
        return int(self._call('cudaGetDeviceCount'))

    def device(self, index: int) -> CudaDevice:
        properties = self._call('cudaGetDeviceProperties', index)
        name = properties.name.decode(errors='replace').rstrip('\0')
        capability = (int(properties.major), int(properties.minor))
        return CudaDevice(index, name, capability, int(properties.totalGlobalMem))

    def use(self, index: int) -> None:
        self._call('cudaSetDevice', index)

    def malloc(self, size: int) -> int:
        return int(self._call('cudaMalloc', size))

    def free(self, address: int) -> None:
        self._call('cudaFree', address)

    def host_malloc(self, size: int) -> NDArray[np.uint8]:
        address = int(self._call('cudaHostAlloc', size, self._runtime.cudaHostAllocDefault))
        return np.ctypeslib.as_array((ctypes.c_ubyte * size).from_address(address))

    def host_free(self, memory: NDArray[np.uint8]) -> None:
        self._call('cudaFreeHost', memory.ctypes.data)

    def upload(self, address: int, memory: NDArray[Any], stream: int) -> None:
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call('cudaMemcpyAsync', address, memory.ctypes.data, memory.nbytes, kind, stream)

    def download(self, memory: NDArray[Any], address: int, stream: int) -> None:
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call('cudaMemcpyAsync', memory.ctypes.data, address, memory.nbytes, kind, stream)

    def create_stream(self) -> int:
        return int(self._call('cudaStreamCreateWithFlags', self._runtime.cudaStreamNonBlocking))

    def synchronise_stream(self, stream: int) -> None:
        self._call('cudaStreamSynchronize', stream)

    def destroy_stream(self, stream: int) -> None:
        self._call('cudaStreamDestroy', stream)

    def create_event(self) -> int:
        # A waiting thread must sleep, because the other stages need the cores.
        flags = self._runtime.cudaEventDisableTiming | self._runtime.cudaEventBlockingSync
        return int(self._call('cudaEventCreateWithFlags', flags))

    def record(self, event: int, stream: int) -> None:
        self._call('cudaEventRecord', event, stream)

    def wait(self, stream: int, event: int) -> None:
        self._call('cudaStreamWaitEvent', stream, event, 0)

    def synchronise_event(self, event: int) -> None:
        self._call('cudaEventSynchronize', event)

    def destroy_event(self, event: int) -> None:
        self._call('cudaEventDestroy', event)

    def begin_capture(self, stream: int) -> None:
        # Calls of other threads must not invalidate the capture.
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call('cudaStreamBeginCapture', stream, mode)

    def end_capture(self, stream: int) -> int:
        return int(self._call('cudaStreamEndCapture', stream))

    def instantiate(self, graph: int) -> int:
        return int(self._call('cudaGraphInstantiate', graph, 0))

    def destroy_graph(self, graph: int) -> None:
        self._call('cudaGraphDestroy', graph)

    def launch(self, graph_exec: int, stream: int) -> None:
        self._call('cudaGraphLaunch', graph_exec, stream)

    def destroy_graph_exec(self, graph_exec: int) -> None:
        self._call('cudaGraphExecDestroy', graph_exec)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call the runtime and return its result. Raises EngineError for an error code."""
        error, *values = getattr(self._runtime, name)(*arguments)
        if error != self._runtime.cudaError_t.cudaSuccess:
            raise self._failure(name, error)
        return values[0] if values else None

    def _failure(self, call: str, error: Any) -> EngineError:
        # Without this, a later call would report the error again.
        self._runtime.cudaGetLastError()
        _, words = self._runtime.cudaGetErrorString(error)
        remedy = _REMEDIES.get(error.name, _REMEDY)
        said = f'{words.decode(errors="replace")} ({error.name})'
        return EngineError(f'expected {call} to succeed, CUDA says: {said}; {remedy}')
