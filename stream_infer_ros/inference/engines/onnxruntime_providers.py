"""The devices of ONNX Runtime: its own execution providers, and TensorRT for RTX as a plugin."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, broken, is_installed, missing
from stream_infer_ros.inference.engines.runtime import import_runtime

CPU = 'CPUExecutionProvider'
# The provider of each engine.device.
PROVIDERS = {'cuda': 'CUDAExecutionProvider', 'tensorrt': 'TensorrtExecutionProvider', 'cpu': CPU}
PLUGIN_DEVICE, PLUGIN = 'nv_tensorrt_rtx', 'onnxruntime_ep_nv_tensorrt_rtx'


def find_onnxruntime() -> Availability:
    """Return whether ONNX Runtime works here, and with which devices."""
    if not is_installed('onnxruntime'):
        return missing('onnxruntime')
    try:
        onnxruntime = import_runtime('onnxruntime')
    except EngineError as error:
        return broken('onnxruntime', error)
    devices = tuple(device for device, provider in PROVIDERS.items() if provider in _there(onnxruntime))
    if is_installed(PLUGIN):
        devices = (*devices, PLUGIN_DEVICE)
    return Availability(f'ONNX Runtime {onnxruntime.__version__}: {", ".join(devices)}', devices=devices)


def choose_device(config: EngineConfig, onnxruntime: ModuleType) -> tuple[str, int]:
    """Return the device that `engine.device` selects, and its number, e.g. ('cuda', 1) for 'cuda:1'.

    'auto' is the CPU, because a build with the CUDA provider does not know whether there is a GPU. Raises
    EngineError if this build has no such provider.
    """
    name, _, number = config.device.lower().partition(':')
    name = 'cpu' if name == 'auto' else name
    known = (*PROVIDERS, PLUGIN_DEVICE)
    if name not in known or not (number or '0').isdecimal():
        raise EngineError(
            f'expected engine.device of ONNX Runtime to be auto, {", ".join(known)}, with :N for another GPU '
            f'than the first; got {config.device!r}'
        )
    if name == PLUGIN_DEVICE:
        if not is_installed(PLUGIN):
            raise EngineError(
                f'expected the package {PLUGIN} for engine.device {PLUGIN_DEVICE}, it is not installed; '
                f'`pip install onnxruntime-ep-nv-tensorrt-rtx-cu13`'
            )
    elif PROVIDERS[name] not in _there(onnxruntime):
        raise EngineError(
            f'expected an ONNX Runtime with {PROVIDERS[name]} for engine.device {config.device}, this one '
            f'has {", ".join(_there(onnxruntime))}; `pip install onnxruntime-gpu` in place of onnxruntime'
        )
    return name, int(number or '0')


def session_arguments(
    onnxruntime: ModuleType, options: Any, device: str, number: int, precision: str
) -> dict[str, Any]:
    """Return the arguments of InferenceSession for that device. Raises EngineError if it cannot be used."""
    if device == PLUGIN_DEVICE:
        _add_plugin(onnxruntime, options, number)
        return {}
    if device == 'cpu':
        return {'providers': [CPU]}
    settings: dict[str, Any] = {'device_id': number}
    if device == 'tensorrt':
        settings |= {'trt_fp16_enable': precision == 'fp16', 'trt_int8_enable': precision == 'int8'}
    return {'providers': [(PROVIDERS[device], settings), CPU]}


def check_precision(device: str, precision: str, dtypes: set[str]) -> None:
    """Raise EngineError unless a session on that device computes in this precision.

    `dtypes` are the types of the network's inputs and outputs. ONNX Runtime computes in the types of the
    file. Only its TensorRT provider converts them.
    """
    in_file = 'fp16' if 'float16' in dtypes else 'fp32'
    if precision in ('auto', in_file) or (device == 'tensorrt' and precision in ('fp16', 'int8')):
        return
    raise EngineError(
        f'expected engine.precision auto or {in_file}, got {precision}: ONNX Runtime on {device} computes in '
        f'the types of the file; export or quantise the model and set auto, or choose another engine.kind'
    )


def check_used(session: Any, device: str) -> None:
    """Raise EngineError if the session silently uses the CPU instead."""
    provider = PROVIDERS.get(device, '')
    if provider and provider not in session.get_providers():
        raise EngineError(
            f'expected ONNX Runtime to run on {device}, it fell back to '
            f'{", ".join(session.get_providers())}; check the GPU, its driver, CUDA and cuDNN, or set '
            f'engine.device to cpu'
        )


def _there(onnxruntime: ModuleType) -> list[str]:
    names: list[str] = onnxruntime.get_available_providers()
    return names


def _add_plugin(onnxruntime: ModuleType, options: Any, number: int) -> None:
    plugin = importlib.import_module(PLUGIN)
    name = plugin.get_ep_name()
    # The exceptions have no common base class. Any of them here is about the plugin or its GPU.
    try:
        if not any(device.ep_name == name for device in onnxruntime.get_ep_devices()):
            onnxruntime.register_execution_provider_library(name, plugin.get_library_path())
    except Exception as error:
        raise EngineError(
            f'expected TensorRT for RTX as a plugin of ONNX Runtime, it could not be loaded: {error}; '
            f'check the NVIDIA driver, or choose another engine.device'
        ) from error
    devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == name]
    if number >= len(devices):
        raise EngineError(
            f'expected GPU {number} for TensorRT for RTX, it finds {len(devices)}; it needs an RTX GPU and '
            f'its driver: choose another engine.device'
        )
    options.add_provider_for_devices([devices[number]], {})
