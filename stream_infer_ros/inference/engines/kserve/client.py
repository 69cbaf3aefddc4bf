"""What the engine asks of a server, whatever carries it."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from stream_infer_ros.inference.engines.kserve.attempt import Request
from stream_infer_ros.inference.engines.kserve.region import Region


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
