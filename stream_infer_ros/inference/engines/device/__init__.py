"""What every engine on a CUDA device shares: memory, streams, graphs, and keeping copy and compute apart."""

from stream_infer_ros.inference.engines.device.choice import choose_device
from stream_infer_ros.inference.engines.device.cuda import Cuda, CudaDevice
from stream_infer_ros.inference.engines.device.cuda_graph import CudaGraph
from stream_infer_ros.inference.engines.device.cuda_runtime import CudaRuntime
from stream_infer_ros.inference.engines.device.device_network import (
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
