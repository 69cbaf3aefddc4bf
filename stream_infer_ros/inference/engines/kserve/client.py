"""The KServe v2 protocol with one server, whatever the transport."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError, InferenceMissed
from stream_infer_ros.inference.engines.kserve.region import Region
from stream_infer_ros.inference.network_io import TensorInfo

# unreachable: no connection; late: no answer within the time limit; refused: the answer is an error;
# no_region: the server does not know the shared memory, because it was restarted.
Cause = Literal['unreachable', 'late', 'refused', 'no_region']


class AttemptFailed(InferenceMissed):
    """One server gave no result; another one may. It is caught inside the engine."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause: Cause = cause


@dataclass(frozen=True, slots=True)
class Place:
    """Location of a tensor in memory that is shared with the server; bytes."""

    region: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Request:
    """Images for one run of a model.

    Attributes:
        model, version: the model; with an empty version the server chooses one.
        input: the input of the model.
        images: (n, ...) contiguous, packed for that input. They are also at `images_at`, if it is given.
        outputs: the requested outputs.
        images_at: location of the images in shared memory.
        outputs_at: location of each output in shared memory; empty if the answer contains them.
    """

    model: str
    version: str
    input: TensorInfo
    images: NDArray[Any]
    outputs: tuple[TensorInfo, ...]
    images_at: Place | None = None
    outputs_at: tuple[Place, ...] = ()


class KserveClient(Protocol):
    """The KServe v2 protocol with one server. Safe to use from several threads.

    Every call gives up after `within_s` seconds and raises AttemptFailed if it has no answer.
    """

    def is_live(self, within_s: float) -> bool:
        """True if the server runs."""
        ...

    def is_model_ready(self, model: str, version: str, within_s: float) -> bool:
        """True if the server would run this model now."""
        ...

    def model_metadata(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        """Return names, types and shapes of inputs and outputs, as JSON."""
        ...

    def model_config(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        """Return Triton's configuration of the model, as JSON; empty if the server lacks that extension."""
        ...

    def infer(self, request: Request, within_s: float) -> dict[str, NDArray[Any]]:
        """Return outputs by name, except those in shared memory. The arrays may be read-only."""
        ...

    def regions(self, kind: str, within_s: float) -> tuple[str, ...]:
        """Return the names of registered shared memory; `kind` is 'system' or 'cuda'."""
        ...

    def register(self, region: Region, within_s: float) -> None:
        """Register shared memory."""
        ...

    def unregister(self, kind: str, name: str, within_s: float) -> None:
        """Unregister shared memory. Unknown names are ignored."""
        ...

    def close(self) -> None:
        """Close the connection. Pending calls fail. May be called twice."""
        ...


# numpy's name of each type in KServe v2, "Tensor Data Types". numpy lacks BF16, which is Triton's extension.
DTYPE_OF = {
    'BOOL': 'bool',
    'UINT8': 'uint8',
    'UINT16': 'uint16',
    'UINT32': 'uint32',
    'UINT64': 'uint64',
    'INT8': 'int8',
    'INT16': 'int16',
    'INT32': 'int32',
    'INT64': 'int64',
    'FP16': 'float16',
    'FP32': 'float32',
    'FP64': 'float64',
}
KSERVE_OF = {dtype: name for name, dtype in DTYPE_OF.items()}


def import_tritonclient(part: Literal['grpc', 'http']) -> Any:
    """Import the client library for one transport. Raises EngineError with the remedy."""
    try:
        return importlib.import_module(f'tritonclient.{part}')
    except ImportError as error:
        raise EngineError(
            f'expected tritonclient, cannot import it ({error}); '
            f"`pip install 'stream_infer_ros[kserve]'`, or choose another engine.kind"
        ) from error
    except RuntimeError as error:  # tritonclient raises this if a dependency is missing
        raise EngineError(
            f'expected tritonclient with {part}, it says: {error}; '
            f"`pip install 'stream_infer_ros[kserve]'`, or choose another engine.kind"
        ) from error
