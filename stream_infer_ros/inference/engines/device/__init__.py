"""The parts that engines on a CUDA device share: memory, streams, graphs, and overlap of copy and compute."""

from stream_infer_ros.inference.engines.device.cuda import Cuda, CudaDevice, choose_device
from stream_infer_ros.inference.engines.device.cuda_runtime import CudaRuntime
from stream_infer_ros.inference.engines.device.device_network import (
    CudaGraph,
    DeviceNetwork,
    DeviceOutput,
    Recording,
)
from stream_infer_ros.inference.engines.device.device_runner import DeviceRunner, Ticket

__all__ = [
    'Cuda',
    'CudaDevice',
    'CudaGraph',
    'CudaRuntime',
    'DeviceNetwork',
    'DeviceOutput',
    'DeviceRunner',
    'Recording',
    'Ticket',
    'choose_device',
]
