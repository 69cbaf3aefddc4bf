"""A plan that the user gives in place of an ONNX file, such as an `.engine` file of Ultralytics.

TensorRT describes its inputs and outputs. Such a plan takes normalised pictures, which the CPU prepares.
"""

from __future__ import annotations

from typing import Any

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.device import Cuda
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.build import Plan
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour
from stream_infer_ros.inference.engines.tensorrt.tensorrt_network import DTYPES, TensorRtNetwork
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo
from stream_infer_ros.inference.plan_file import read_plan


def given_network(spec: EngineSpec, cuda: Cuda, flavour: Flavour) -> tuple[Plan, TensorRtNetwork]:
    """Load the plan in the model file on the GPU of the calling thread.

    Raises ModelError if TensorRT cannot read it, or if it takes no pictures. Raises EngineError if
    `engine.precision` is set, because a plan has one already.
    """
    if spec.config.precision != 'auto':
        raise EngineError(
            f'expected engine.precision auto for {spec.model.name}, because a plan has its precision '
            f'already, got {spec.config.precision}; set it to auto, or give the ONNX file'
        )
    flavour.register_plugins()
    serialized, metadata = read_plan(spec.model)
    runtime = flavour.trt.Runtime(flavour.logger)
    engine = runtime.deserialize_cuda_engine(serialized)
    if engine is None:
        said = '; '.join(flavour.logger.taken_errors()) or 'nothing'
        raise ModelError(
            f'expected a plan of {flavour.name} {flavour.version} for this GPU in {spec.model}, it says: '
            f'{said}; give the ONNX file that the plan was made from: a plan is built from it here'
        )
    io = _described(engine, dict(metadata))
    image_input = spec.image_input(io)
    most = image_input.fixed_batch or min(spec.max_batch, _most_images(engine, image_input.name))
    plan = Plan(serialized, flavour, io, image_input, most, 'auto', spec.model)
    return plan, TensorRtNetwork(cuda, plan, runtime, engine)


def _described(engine: Any, metadata: dict[str, str]) -> EngineIo:
    inputs: list[TensorInfo] = []
    outputs: list[TensorInfo] = []
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        kind = engine.get_tensor_dtype(name).name
        shape = tuple(int(size) for size in engine.get_tensor_shape(name))
        into = inputs if engine.get_tensor_mode(name).name == 'INPUT' else outputs
        into.append(TensorInfo(name, DTYPES.get(kind, kind.lower()), shape))
    return EngineIo(tuple(inputs), tuple(outputs), metadata)


def _most_images(engine: Any, name: str) -> int:
    """Return the largest number of images that the first profile of the plan allows."""
    _, _, largest = engine.get_tensor_profile_shape(name, 0)
    return int(largest[0])
