"""The devices of OpenVINO on this machine, and the device and precision that a configuration selects."""

from __future__ import annotations

from typing import Any

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, broken, is_installed, missing
from stream_infer_ros.inference.engines.runtime import import_runtime

# OpenVINO's names of each engine.precision: as a hint, and as a capability of a device.
_HINTS = {'fp32': ('f32', 'FP32'), 'fp16': ('f16', 'FP16'), 'bf16': ('bf16', 'BF16')}
_QUANTISED = ('FakeQuantize', 'QuantizeLinear')


def find_openvino() -> Availability:
    """Return whether OpenVINO works here, and with which devices."""
    if not is_installed('openvino'):
        return missing('openvino')
    # Core and its properties raise RuntimeError if a plugin or a driver is broken.
    try:
        openvino = import_runtime('openvino')
        core = openvino.Core()
        devices = tuple(core.available_devices)
        names = ', '.join(f'{device} ({core.get_property(device, "FULL_DEVICE_NAME")})' for device in devices)
    except (EngineError, RuntimeError) as error:
        return broken('openvino', error)
    if not devices:
        return Availability(
            'OpenVINO without devices', 'it supports no device of this machine', 'choose another engine.kind'
        )
    return Availability(f'OpenVINO {openvino.__version__.split("-")[0]}: {names}', devices=devices)


def device_of(config: EngineConfig, core: Any) -> str:
    """Return the device that `engine.device` selects; 'auto' is the CPU.

    A CPU is never much slower than the GPU that is integrated in it.
    Raises EngineError if there is no such device here.
    """
    device = 'CPU' if config.device == 'auto' else config.device.upper()
    found = list(core.available_devices)
    if device.split('.')[0] not in {name.split('.')[0] for name in found}:
        raise EngineError(
            f'expected engine.device of OpenVINO to be auto or one of {", ".join(found)}, got '
            f'{config.device!r}; install its driver, or choose another'
        )
    return device


def precision_hint(config: EngineConfig, core: Any, device: str, model: Any) -> dict[str, str]:
    """Return the property that makes OpenVINO compute in `engine.precision`.

    Raises EngineError if the device or the model does not support it.
    """
    precision = config.precision
    if precision == 'auto':
        return {}
    if precision == 'int8':
        if any(operation.get_type_name() in _QUANTISED for operation in model.get_ops()):
            return {}
        raise EngineError(
            'expected a quantised model (with Q/DQ nodes) for engine.precision int8, this one has none; '
            'quantise it, with nncf or onnxruntime.quantization say, or choose another precision'
        )
    capabilities = core.get_property(device, 'OPTIMIZATION_CAPABILITIES')
    hint, capability = _HINTS.get(precision, ('', ''))
    if capability not in capabilities:
        possible = [name for name, (_, able) in _HINTS.items() if able in capabilities]
        raise EngineError(
            f"expected engine.precision that OpenVINO's {device} here can do ({', '.join(possible)}, or int8 "
            f'with a quantised model), got {precision}; choose one of them, or auto'
        )
    return {'INFERENCE_PRECISION_HINT': hint}
