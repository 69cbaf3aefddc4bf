"""One request to one server, and how it may fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from stream_infer_ros.errors import InferenceMissed
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
