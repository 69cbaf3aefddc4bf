"""What OpenVINO has on this machine, and which of it a configuration means."""

from __future__ import annotations

from typing import Any

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, broken, is_installed, missing
from stream_infer_ros.inference.engines.runtime import import_runtime

# engine.precision -> OpenVINO's name as a hint, and as a capability of a device.
_HINTS = {'fp32': ('f32', 'FP32'), 'fp16': ('f16', 'FP16'), 'bf16': ('bf16', 'BF16')}
_QUANTISED = ('FakeQuantize', 'QuantizeLinear')


def find_openvino() -> Availability:
    """Whether OpenVINO works here."""
    if not is_installed('openvino'):
        return missing('openvino')
    # Core and its properties raise RuntimeError where a plugin or a driver is broken.
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
    """The device that `engine.device` means; 'auto' is the CPU: it is never much slower than its own GPU.

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
    """The property that makes OpenVINO compute as `engine.precision` says.

    Raises EngineError if the device, or the model, cannot.
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
