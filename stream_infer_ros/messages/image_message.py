"""What an image message holds, compressed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ImageMessage:
    """One image, still inside its message; with a camera's name and a time of arrival it makes a `Frame`.

    Attributes:
        stamp_ns: header stamp, nanoseconds.
        frame_id: optical frame of the camera.
        image: read-only view into the message, laid out as `Frame.image` says.
        encoding: as `Frame.encoding`.
    """

    stamp_ns: int
    frame_id: str
    image: NDArray[Any]
    encoding: str
