"""Build a TensorRT plan from an ONNX file, or take it from the cache."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import NvidiaGpu
from stream_infer_ros.inference.engines.cache_folder import cache_folder
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour, flavour_named
from stream_infer_ros.inference.engines.tensorrt.half import in_half
from stream_infer_ros.inference.engines.tensorrt.input_stage import Staged, with_pictures_in
from stream_infer_ros.inference.engines.tensorrt.network_builder import BuildOrder, build_serialized
from stream_infer_ros.inference.engines.tensorrt.onnx_file import OnnxFile, read_onnx, serialized
from stream_infer_ros.inference.engines.tensorrt.plan_cache import PlanCache
from stream_infer_ros.inference.engines.tensorrt.precision import (
    build_precision,
    check_capability,
    precision_in_file,
)
from stream_infer_ros.inference.engines.tensorrt.target import target_of
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.network_io import EngineIo


@dataclass(frozen=True, slots=True)
class Plan:
    """A network that was built for one kind of GPU.

    Attributes:
        serialized: input of `flavour.trt.Runtime(flavour.logger).deserialize_cuda_engine`.
        flavour: the TensorRT that built the plan. No other can read it.
        io: inputs, outputs and metadata of the ONNX file. The plan has the same outputs.
        image_input: the input of the plan. In plans that were built here it is uint8 NHWC, because they
            contain the cast, the transpose and the normalisation. Its name differs from that in the file if
            these were added. `fixed_batch` is that of the file.
        max_batch: the largest number of images in one run: that of the profile, or `fixed_batch`.
        precision: 'fp32', 'fp16', 'bf16', 'int8' or 'fp8'; 'auto' for a plan that the user gives.
        path: the file in the cache, or the file that the user gives; None if there is none.
    """

    serialized: bytes
    flavour: Flavour
    io: EngineIo
    image_input: ImageInput
    max_batch: int
    precision: str
    path: Path | None = None


# The version of the changes that this package makes to networks. Plans of another version are built again.
_REVISION = 1


def built_plan(spec: EngineSpec, gpu: NvidiaGpu | None, anew: bool = False) -> Plan:
    """Return the plan of a network from the cache, or build it.

    Args:
        spec: the spec of the engine. `on_progress` gets the progress of a build.
        gpu: the GPU to run on. Without one, TensorRT for RTX builds for `tensorrt.compute_capabilities`, and
            the others raise EngineError.
        anew: build even if the plan is in the cache, because the runtime could not read it.

    Raises ModelError if TensorRT does not support the network. Raises EngineError if TensorRT is missing or
    does not support the precision, if the build was stopped, or if the cache cannot be used.
    """
    flavour = flavour_named(spec.config.tensorrt.flavour)
    target = target_of(spec.config.tensorrt, flavour, gpu)
    flavour.register_plugins()
    file = read_onnx(spec.model)
    image = spec.image_input(file.io)
    precision = build_precision(spec.config.precision, precision_in_file(file.model), flavour.typed_networks)
    check_capability(precision.name, target.capabilities[0])
    staged = with_pictures_in(file.model, image)
    max_batch = image.fixed_batch or spec.max_batch
    order = BuildOrder(
        spec.model, staged.image_input, max_batch, precision, target, spec.config.tensorrt.workspace_mb
    )
    cache = PlanCache(cache_folder(spec.config.cache_dir))
    name, facts = spec.model.stem, _facts(file, image, order, flavour)
    plan = cache.plan(
        name, facts, lambda: _built(staged, order, flavour, cache, spec), lambda: _waiting(spec), anew
    )
    path = cache.path_of(name, facts)
    return Plan(plan, flavour, file.io, staged.image_input, max_batch, precision.name, path)


def _built(staged: Staged, order: BuildOrder, flavour: Flavour, cache: PlanCache, spec: EngineSpec) -> bytes:
    model = in_half(staged.model, staged.nodes) if order.precision.to_half else staged.model
    here = (flavour.name, flavour.version, order.target.gpu, *order.target.capabilities)
    speeds = re.sub(r'[^\w.]+', '-', '-'.join(here))
    plan, timing = build_serialized(serialized(model), order, flavour, cache.timing(speeds), spec.on_progress)
    cache.keep_timing(speeds, timing)
    return plan


def _waiting(spec: EngineSpec) -> None:
    if not spec.on_progress(f'another process builds {spec.model.name}', 0.0):
        raise EngineError(
            f'expected to wait for the build of {spec.model.name}, it was stopped; start it again'
        )


def _facts(file: OnnxFile, image: ImageInput, order: BuildOrder, flavour: Flavour) -> dict[str, Any]:
    """Return everything that a plan depends on."""
    return {
        'onnx_sha256': file.sha256,
        'flavour': flavour.name,
        'version': flavour.version,
        'gpu': order.target.gpu,
        'compute_capabilities': order.target.capabilities,
        'precision': asdict(order.precision),
        'profile': [1, order.max_batch, order.max_batch],
        'input': asdict(image),
        'workspace_mb': order.workspace_mb,
        'revision': _REVISION,
    }
