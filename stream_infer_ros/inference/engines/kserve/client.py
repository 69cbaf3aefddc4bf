"""The KServe v2 protocol with one server, whatever the transport."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from stream_infer_ros.errors import EngineError, InferenceMissed
from stream_infer_ros.inference.engines.kserve.region import Region
from stream_infer_ros.inference.network_io import TensorInfo

# unreachable: nobody answers there; late: no answer in the time given; refused: the answer is an error;
# no_region: the server does not know the shared memory (it was started anew).
Cause = Literal['unreachable', 'late', 'refused', 'no_region']


class AttemptFailed(InferenceMissed):
    """One server gave no result; another may. Never leaves the engine as it is."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause: Cause = cause


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies in memory that is shared with the server; bytes."""

    region: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Request:
    """Images for one run of a model.

    Attributes:
        model, version: whose; an empty version lets the server choose.
        input: of the model; `images` are packed as it wants them.
        images: (n, ...) contiguous; already at `images_at`, if that is given.
        outputs: asked for.
        outputs_at: where the server writes each; empty: they come with the answer.
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
        """Whether the server runs at all."""
        ...

    def is_model_ready(self, model: str, version: str, within_s: float) -> bool:
        """Whether it would run this model now."""
        ...

    def model_metadata(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        """Names, types and shapes of inputs and outputs, as JSON."""
        ...

    def model_config(self, model: str, version: str, within_s: float) -> dict[str, Any]:
        """Triton's configuration of the model, as JSON; empty where the server has no such extension."""
        ...

    def infer(self, request: Request, within_s: float) -> dict[str, NDArray[Any]]:
        """Outputs by name, read-only perhaps; none of those that have a place in shared memory."""
        ...

    def regions(self, kind: str, within_s: float) -> tuple[str, ...]:
        """Names of the shared memory the server knows; `kind` is 'system' or 'cuda'."""
        ...

    def register(self, region: Region, within_s: float) -> None:
        """Tell the server of shared memory."""
        ...

    def unregister(self, kind: str, name: str, within_s: float) -> None:
        """Have the server forget shared memory; fine if it never knew it."""
        ...

    def close(self) -> None:
        """Hang up. Calls in the making fail. Safe to call twice."""
        ...


# KServe v2, "Tensor Data Types"; BF16 is Triton's extension, and numpy has none.
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
    """One of its halves. Raises EngineError with the remedy."""
    try:
        return importlib.import_module(f'tritonclient.{part}')
    except ImportError as error:
        raise EngineError(
            f'expected tritonclient, cannot import it ({error}); '
            f"`pip install 'stream_infer_ros[kserve]'`, or choose another engine.kind"
        ) from error
    except RuntimeError as error:  # what it makes of a missing dependency of its own
        raise EngineError(
            f'expected tritonclient with {part}, it says: {error}; '
            f"`pip install 'stream_infer_ros[kserve]'`, or choose another engine.kind"
        ) from error
