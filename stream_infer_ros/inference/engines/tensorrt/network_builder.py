"""Build a serialized plan from an ONNX network with any TensorRT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_infer_ros.errors import EngineError, ModelError
from stream_infer_ros.inference.engines.spec import OnProgress
from stream_infer_ros.inference.engines.tensorrt.build_monitor import kept_interrupts, monitor_of
from stream_infer_ros.inference.engines.tensorrt.flavour import Flavour
from stream_infer_ros.inference.engines.tensorrt.parser_errors import (
    reason_in,
    refused_by_builder,
    refused_network,
)
from stream_infer_ros.inference.engines.tensorrt.precision import BuildPrecision
from stream_infer_ros.inference.engines.tensorrt.target import Target, member_named
from stream_infer_ros.inference.input_packing import ImageInput


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """Everything that a plan depends on, except the network.

    Attributes:
        path: file of the network, for messages.
        image_input: the input of the network.
        max_batch: the largest number of images in one run, if the batch size is not fixed.
        precision: the precision to build in.
        target: the GPUs to build for.
        workspace_mb: scratch memory that a layer may use; 0 for no limit.
    """

    path: Path
    image_input: ImageInput
    max_batch: int
    precision: BuildPrecision
    target: Target
    workspace_mb: int


def build_serialized(
    network: bytes, order: BuildOrder, flavour: Flavour, timing: bytes, on_progress: OnProgress
) -> tuple[bytes, bytes]:
    """Return the plan and TensorRT's timing cache, which is the `timing` of later builds.

    Args:
        network: the ONNX network.
        order: the settings of the build.
        flavour: the TensorRT to build with.
        timing: timing cache of an earlier build with this flavour on this GPU; b'' for none.
        on_progress: called on the calling thread. If it returns False or raises, the build ends.

    Raises ModelError if TensorRT rejects the network, and EngineError if the build fails or was stopped.
    """
    trt = flavour.trt
    flavour.logger.taken_errors()
    builder = trt.Builder(flavour.logger)
    definition = builder.create_network(_creation_flags(flavour))
    parser = trt.OnnxParser(definition, flavour.logger)
    if not parser.parse(network):
        raise refused_network(order.path, parser)
    config = builder.create_builder_config()
    _set_precision(trt, config, order.precision)
    _set_target(trt, config, order.target)
    if order.workspace_mb:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, order.workspace_mb << 20)
    _set_profile(builder, config, order)
    # A build for other GPUs measures nothing.
    cache = None if order.target.named else _set_timing(config, timing)
    what = f'building {order.path.name} with {flavour.name} {flavour.version}'
    monitor = monitor_of(trt, what, on_progress)
    config.progress_monitor = monitor
    with kept_interrupts(monitor.give_up):
        plan = builder.build_serialized_network(definition, config)
    if monitor.failure is not None:
        raise monitor.failure
    if monitor.cancelled:
        raise EngineError(
            f'expected the build of {order.path.name} to finish, it was stopped; start it again'
        )
    if plan is None:
        raise _failed_build(network, order, flavour)
    on_progress(what, 1.0)  # TensorRT does not report its last step
    return bytes(plan), bytes(cache.serialize()) if cache is not None else b''


def _creation_flags(flavour: Flavour) -> int:
    flags = flavour.trt.NetworkDefinitionCreationFlag
    # From 11 on all networks are strongly typed, and the flag may be removed one day.
    if flavour.typed_networks and hasattr(flags, 'STRONGLY_TYPED'):
        return 1 << int(flags.STRONGLY_TYPED)
    return 0


def _set_precision(trt: Any, config: Any, precision: BuildPrecision) -> None:
    for name in precision.flags:
        config.set_flag(getattr(trt.BuilderFlag, name))
    if not precision.tf32:
        config.clear_flag(trt.BuilderFlag.TF32)


def _set_target(trt: Any, config: Any, target: Target) -> None:
    if not target.named:
        return
    config.num_compute_capabilities = len(target.capabilities)
    for place, capability in enumerate(target.capabilities):
        member = getattr(trt.ComputeCapability, member_named(capability))
        if not config.set_compute_capability(member, place):
            raise EngineError(
                f'expected TensorRT to build for compute capability {capability}, it does not; '
                f'take it out of tensorrt.compute_capabilities'
            )


def _set_profile(builder: Any, config: Any, order: BuildOrder) -> None:
    """Allow one to the largest number of images, and optimise for the latter: the number of cameras."""
    image = order.image_input
    if image.fixed_batch:
        return
    profile = builder.create_optimization_profile()
    fewest, most = image.shape(1), image.shape(order.max_batch)
    profile.set_shape(image.name, fewest, most, most)
    config.add_optimization_profile(profile)


def _set_timing(config: Any, timing: bytes) -> Any:
    cache = config.create_timing_cache(timing)
    if cache is None:  # written by another version, or broken
        cache = config.create_timing_cache(b'')
    if cache is not None and not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b'')
        config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _failed_build(network: bytes, order: BuildOrder, flavour: Flavour) -> ModelError | EngineError:
    errors = flavour.logger.taken_errors()
    said = reason_in(errors[-1]) if errors else 'nothing'
    refused = refused_by_builder(order.path, network, said)
    if refused is not None:
        return refused
    return EngineError(
        f'expected {flavour.name} {flavour.version} to build {order.path.name} in {order.precision.name}, it '
        f'says: {said}; try engine.precision fp32, a smaller engine.max_batch, or another engine.kind'
    )
