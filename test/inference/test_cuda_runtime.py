"""Our seam to CUDA against NVIDIA's bindings of CUDA 12 and 13: as recorded, and as installed."""

import ctypes
import enum
import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.device import Cuda, CudaDevice, CudaGraph, CudaRuntime

RECORDED = json.loads((Path(__file__).parent / 'recorded' / 'cuda_bindings.json').read_text())
INSTALLED = find_spec('cuda') is not None and find_spec('cuda.bindings') is not None


class Error(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorIllegalAddress = 700


class Recorded:
    """`cuda.bindings.runtime` of a version: knows the functions that were recorded and what they take."""

    cudaError_t = Error

    def __init__(self, version: str, answers: dict[str, Any]) -> None:
        recorded = RECORDED[version]
        self.functions = recorded['functions']
        self.answers = answers
        self.called: list[tuple[str, tuple[Any, ...]]] = []
        for name, value in recorded['constants'].items():
            setattr(self, name, value)
        for name, value in recorded['members'].items():
            kind, _, member = name.partition('.')
            if not hasattr(self, kind):
                setattr(self, kind, SimpleNamespace())
            if kind != 'cudaError_t':
                setattr(getattr(self, kind), member, value)

    def __getattr__(self, name: str) -> Any:
        if name not in self.functions:
            raise AttributeError(f'{name} is not in these bindings')

        def call(*arguments: Any) -> tuple[Any, ...]:
            assert len(arguments) == len(self.functions[name]), f'{name} takes {self.functions[name]}'
            self.called.append((name, arguments))
            return self.answers.get(name, (Error.cudaSuccess,))

        return call


def every_method(cuda: Cuda) -> dict[str, Any]:
    """A call of each method, with what CUDA takes."""
    pinned = np.zeros(16, np.uint8)
    return {
        'device_count': cuda.device_count,
        'device': lambda: cuda.device(0),
        'use': lambda: cuda.use(0),
        'malloc': lambda: cuda.malloc(16),
        'free': lambda: cuda.free(0x1000),
        'host_malloc': lambda: cuda.host_malloc(16),
        'host_free': lambda: cuda.host_free(pinned),
        'upload': lambda: cuda.upload(0x1000, pinned, 0x2000),
        'download': lambda: cuda.download(pinned, 0x1000, 0x2000),
        'create_stream': cuda.create_stream,
        'synchronise_stream': lambda: cuda.synchronise_stream(0x2000),
        'destroy_stream': lambda: cuda.destroy_stream(0x2000),
        'create_event': cuda.create_event,
        'record': lambda: cuda.record(0x3000, 0x2000),
        'wait': lambda: cuda.wait(0x2000, 0x3000),
        'synchronise_event': lambda: cuda.synchronise_event(0x3000),
        'destroy_event': lambda: cuda.destroy_event(0x3000),
        'begin_capture': lambda: cuda.begin_capture(0x2000),
        'end_capture': lambda: cuda.end_capture(0x2000),
        'instantiate': lambda: cuda.instantiate(0x4000),
        'destroy_graph': lambda: cuda.destroy_graph(0x4000),
        'launch': lambda: cuda.launch(0x5000, 0x2000),
        'destroy_graph_exec': lambda: cuda.destroy_graph_exec(0x5000),
    }


def test_every_method_of_the_seam_is_looked_at():
    methods = {name for name in vars(Cuda) if not name.startswith('_')}
    assert set(every_method(CudaRuntime.__new__(CudaRuntime))) == methods


@pytest.fixture(params=sorted(RECORDED))
def recorded(request: pytest.FixtureRequest) -> tuple[CudaRuntime, Recorded]:
    memory = (ctypes.c_ubyte * 16)()
    properties = SimpleNamespace(name=b'H200\0\0', major=9, minor=0, totalGlobalMem=1 << 37)
    values = {
        'cudaGetDeviceCount': 2,
        'cudaGetDeviceProperties': properties,
        'cudaMalloc': 0x1000,
        'cudaHostAlloc': ctypes.addressof(memory),
        'cudaStreamCreateWithFlags': 0x2000,
        'cudaEventCreateWithFlags': 0x3000,
        'cudaStreamEndCapture': 0x4000,
        'cudaGraphInstantiate': 0x5000,
    }
    runtime = Recorded(request.param, {name: (Error.cudaSuccess, value) for name, value in values.items()})
    runtime.answers['cudaGetErrorString'] = (Error.cudaSuccess, b'out of memory')
    runtime.keeps = memory
    cuda = CudaRuntime.__new__(CudaRuntime)
    cuda._runtime = runtime
    return cuda, runtime


def test_calls_are_those_of_the_bindings(recorded):
    cuda, runtime = recorded
    results = {name: call() for name, call in every_method(cuda).items()}
    assert {name for name, _ in runtime.called} == set(runtime.functions) - {
        'cudaGetErrorString',
        'cudaGetLastError',
    }
    assert results['device'] == CudaDevice(0, 'H200', (9, 0), 1 << 37)
    assert results['device_count'] == 2
    assert results['malloc'] == 0x1000
    memory = results['host_malloc']
    memory[:] = 7
    assert memory.dtype == np.uint8
    assert bytes(runtime.keeps) == bytes([7]) * 16
    handles = [results[name] for name in ('create_stream', 'create_event', 'end_capture', 'instantiate')]
    assert handles == [0x2000, 0x3000, 0x4000, 0x5000]
    copies = [arguments for name, arguments in runtime.called if name == 'cudaMemcpyAsync']
    assert [(copy[2], int(copy[3])) for copy in copies] == [(16, 1), (16, 2)]  # up, down
    assert copies[0][0] == 0x1000
    assert copies[1][1] == 0x1000


def test_errors_are_told_with_cudas_words_and_what_to_do(recorded):
    cuda, runtime = recorded
    for function in runtime.functions:
        if function not in {'cudaGetErrorString', 'cudaGetLastError'}:
            runtime.answers[function] = (Error.cudaErrorMemoryAllocation, None)
    for call in every_method(cuda).values():
        with pytest.raises(EngineError, match=r'expected cuda\w+ to succeed, CUDA says: out of memory'):
            call()
    with pytest.raises(EngineError, match=r'\(cudaErrorMemoryAllocation\); lower engine.max_batch'):
        cuda.malloc(16)
    runtime.answers['cudaFree'] = (Error.cudaErrorIllegalAddress,)
    with pytest.raises(EngineError, match=r'\(cudaErrorIllegalAddress\); see nvidia-smi'):
        cuda.free(0x1000)


@pytest.mark.skipif(INSTALLED, reason='cuda-bindings is installed')
def test_missing_bindings_name_the_remedy():
    with pytest.raises(EngineError, match=r"pip install 'cuda-bindings>=12.6'"):
        CudaRuntime()


def gpus() -> int:
    try:
        return CudaRuntime().device_count()
    except EngineError:
        return 0


@pytest.mark.skipif(not INSTALLED, reason='cuda-bindings is not installed: its own calls were not tried')
def test_the_installed_bindings_take_our_calls():
    cuda = CudaRuntime()
    if gpus():
        pytest.skip('there is a GPU: see the round trip')
    for call in every_method(cuda).values():
        # CUDA itself answers: names, number and types of the arguments are as it wants them.
        with pytest.raises(EngineError, match=r'CUDA says: .*\(cudaError\w+\)'):
            call()


@pytest.mark.skipif(not INSTALLED or not gpus(), reason='no GPU: nothing went to one and back')
def test_a_round_trip_on_a_gpu():
    cuda = CudaRuntime()
    assert cuda.device(0).name
    cuda.use(0)
    stream, event = cuda.create_stream(), cuda.create_event()
    there, back = cuda.host_malloc(1 << 20), cuda.host_malloc(1 << 20)
    address = cuda.malloc(1 << 20)
    there[:] = np.random.default_rng(0).integers(0, 256, 1 << 20, np.uint8)

    def both_ways() -> None:
        cuda.upload(address, there, stream)
        cuda.download(back, address, stream)

    graph = CudaGraph.capture(cuda, stream, both_ways)
    for queue in (both_ways, lambda: graph.launch(stream)):
        back[:] = 0
        queue()
        cuda.record(event, stream)
        cuda.synchronise_event(event)
        np.testing.assert_array_equal(back, there)
    graph.close()
    cuda.free(address)
    cuda.host_free(there)
    cuda.host_free(back)
    cuda.destroy_event(event)
    cuda.destroy_stream(stream)
