"""A TensorRT without a GPU: its plans are ONNX files, run by ONNX Runtime in the memory of a CudaDouble."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
from cuda_double import CudaDouble

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import EngineSpec, OnnxRuntimeEngine
from stream_infer_ros.inference.engines.tensorrt.build import Plan
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour
from stream_infer_ros.inference.engines.tensorrt.tensorrt_engine import TensorRtEngine
from stream_infer_ros.inference.input_packing import AS_THEY_ARE, ImageInput
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

STALE = b'a plan of another version'
_NAMES = {'float32': 'FLOAT', 'float16': 'HALF', 'int64': 'INT64', 'uint8': 'UINT8'}


class TensorRtDouble:
    """The module, the logger and the builder, for one CudaDouble.

    Attributes:
        alive: runtimes, engines and contexts that somebody holds.
        stale: how many plans to give that cannot be read.
        refuse: what returns False or None: 'context', 'shape', 'address' or 'execute'.
        unknown: names of outputs whose shape is told only when they ran.
        unbounded: whether nothing is known of their size either.
        capturable: what contexts answer when they are asked, as those of TensorRT for RTX are; None: they
            know no such question.
        built: arguments of each build.
    """

    def __init__(self, cuda: CudaDouble, stale: int = 0, refuse: str = '', unknown: tuple[str, ...] = ()):
        self.cuda = cuda
        self.alive: weakref.WeakSet = weakref.WeakSet()
        self.stale = stale
        self.refuse = refuse
        self.unknown = unknown
        self.unbounded = False
        self.capturable: bool | None = None
        self.built: list[bool] = []
        self.io = None
        self.trt = SimpleNamespace(
            Runtime=partial(_Runtime, self),
            IOutputAllocator=object,
            init_libnvinfer_plugins=lambda logger, space: None,
            ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED='ours'),
        )
        self.flavour = Flavour('tensorrt', '0.0', self.trt, self)
        self.input_name, self.input_dtype, self.most = 'pictures', 'uint8', 1
        self.file_input: ImageInput | None = None
        self.said = ['the reason']

    def taken_errors(self) -> list[str]:
        """See Logger."""
        said, self.said = self.said, []
        return said

    def build(self, spec: EngineSpec, gpu: object, anew: bool = False) -> Plan:
        """See built_plan."""
        self.built.append(anew)
        assert gpu is not None
        content = spec.model.read_bytes() if spec.model.is_file() else b''
        reader = reader_of(spec.model, content, spec.input_size)
        image_input = spec.image_input(reader.io)
        self.io, self.file_input = reader.io, image_input
        fed = replace(
            image_input,
            name='pictures',
            dtype='uint8',
            layout='nhwc',
            normalisation=AS_THEY_ARE,
            extra_inputs=(),
        )
        stale = len(self.built) <= self.stale
        return Plan(
            STALE if stale else spec.model.read_bytes(),
            self.flavour,
            reader.io,
            fed,
            image_input.fixed_batch or spec.max_batch,
            'fp32',
        )

    def engine(self, spec: EngineSpec) -> TensorRtEngine:
        """An engine on top of all this."""
        return TensorRtEngine(spec, self.cuda, self.build, lambda _: self.flavour)

    def give(self, network: bytes, most: int) -> None:
        """Prepare for a plan that the user gives: an ONNX file, whose first profile allows `most` images."""
        session = session_of(network)
        (pictures,) = session.get_inputs()
        self.io = EngineIo(
            (tensor_info(pictures),),
            tuple(tensor_info(node) for node in session.get_outputs()),
            {},
        )
        self.input_name, self.input_dtype, self.most = pictures.name, self.io.inputs[0].dtype, most


def tensor_info(node: onnxruntime.NodeArg) -> TensorInfo:
    shape = tuple(size if isinstance(size, int) else -1 for size in node.shape)
    return TensorInfo(node.name, {'tensor(float)': 'float32', 'tensor(uint8)': 'uint8'}[node.type], shape)


@cache
def session_of(serialized: bytes) -> onnxruntime.InferenceSession:
    """Made once: the tests of failures live some hundred lives."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(serialized, options, providers=['CPUExecutionProvider'])


@cache
def reader_of(model: Path, _content: bytes, input_size: tuple[int, int] | None) -> OnnxRuntimeEngine:
    """Likewise."""
    config = EngineConfig(kind='onnxruntime', threads=1)
    reader = OnnxRuntimeEngine(EngineSpec(config, model, input_size=input_size))
    reader.load()
    return reader


class _Runtime:
    def __init__(self, double: TensorRtDouble, logger: object) -> None:
        assert logger is double
        assert 'use' in double.cuda.calls, 'TensorRT is touched before the GPU is known to be there'
        self._double = double
        double.alive.add(self)

    def deserialize_cuda_engine(self, serialized: bytes) -> _Engine | None:
        return None if serialized == STALE else _Engine(self._double, serialized)


class _Engine:
    device_memory_size_v2 = 1000

    def __init__(self, double: TensorRtDouble, serialized: bytes) -> None:
        self.double = double
        self.session = session_of(serialized)
        double.alive.add(self)

    @property
    def num_io_tensors(self) -> int:
        return len(self._tensors)

    @property
    def _tensors(self) -> tuple[TensorInfo, ...]:
        return (*self.double.io.outputs, *self.double.io.inputs)  # in an order of its own

    def _tensor(self, name: str) -> TensorInfo:
        return next(tensor for tensor in self._tensors if tensor.name == name)

    def get_tensor_name(self, index: int) -> str:
        return self._tensors[index].name

    def get_tensor_mode(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name='OUTPUT' if self.double.io.output(name) else 'INPUT')

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._tensor(name).shape

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        assert profile_index == 0
        size = self._tensor(name).shape[1:]
        return [(1, *size), (1, *size), (self.double.most, *size)]

    def get_tensor_dtype(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=_NAMES[self._tensor(name).dtype])

    def create_execution_context(self, strategy: str) -> _Context | None:
        assert strategy == 'ours'
        return None if self.double.refuse == 'context' else _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._double = engine.double
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}
        self._allocators: dict[str, object] = {}
        self._scratch = 0
        self._ran: tuple[int, ...] = ()
        self._recorded = False
        if self._double.capturable is not None:
            self.is_stream_capturable = lambda _: self._double.capturable
        self._double.alive.add(self)

    def set_device_memory(self, address: int, size: int) -> None:
        assert size == self._engine.device_memory_size_v2
        self._scratch = address

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert name == self._double.input_name
        assert not self._recorded, 'changes a context that is in a graph'
        self._shape = shape
        return self._double.refuse != 'shape'

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        tensor = self._double.io.output(name)
        if name in self._double.unknown:
            return (-1, *tensor.shape[1:])
        return tuple(self._shape[0] if size < 0 else size for size in tensor.shape)

    def get_max_output_size(self, name: str) -> int:
        return (
            -1
            if self._double.unbounded
            else int(np.prod(self._double.io.output(name).shape[1:])) * 4 * self._shape[0]
        )

    def set_output_allocator(self, name: str, allocator: object) -> bool:
        self._allocators[name] = allocator
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return self._double.refuse != 'address'

    def execute_async_v3(self, stream: int) -> bool:
        if self._double.refuse == 'execute':
            return False
        cuda, shape, addresses = self._double.cuda, self._shape, dict(self._addresses)
        assert not self._recorded, 'runs a context that is in a graph'
        self._recorded = stream in cuda.captures
        assert not self._recorded or shape == self._ran, 'records the first run of a shape'
        self._ran = shape

        here = weakref.ref(self)

        def kernel() -> None:
            context = here()
            assert context is not None, 'runs in a context that is gone'
            assert len(cuda.memory[context._scratch]) >= context._engine.device_memory_size_v2
            outputs = context._outputs(context._pictures(addresses, shape))
            for name, array in outputs.items():
                cuda.view(addresses[name], str(array.dtype), array.shape)[...] = array

        for name, allocator in self._allocators.items():
            # As TensorRT does for such an output: it waits in the middle, and tells before it returns.
            cuda.synchronise_stream(stream)
            array = self._outputs(self._pictures(addresses, shape))[name]
            addresses[name] = allocator.reallocate_output_async(name, 0, array.nbytes, 256, stream)
            allocator.notify_shape(name, array.shape)
        cuda.queue(stream, 'run', kernel)
        return True

    def _pictures(self, addresses: dict[str, int], shape: tuple[int, ...]) -> np.ndarray:
        name, dtype = self._double.input_name, self._double.input_dtype
        return self._double.cuda.view(addresses[name], dtype, shape)

    def _outputs(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        file_input = self._double.file_input
        fed = (
            {file_input.name: file_input.pack(pictures)}
            if file_input
            else {self._double.input_name: pictures}
        )
        arrays = self._engine.session.run(None, fed)
        return dict(zip([tensor.name for tensor in self._double.io.outputs], arrays, strict=True))
