"""One image of one camera, as it came off the wire."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

# Ahead of its arrival no image can be; a stamp beyond these is of another clock.
AHEAD_NS = 500_000_000
BEHIND_NS = 5_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image, still inside its message: nothing is copied or converted before the letterbox.

    Attributes:
        camera: name of the camera, as configured.
        stamp_ns: header stamp, nanoseconds of the graph's clock.
        received_ns: when its bytes arrived, nanoseconds of the same clock.
        image: raw encodings: a view (height, width) or (height, width, channels) in the encoding's own
            dtype, rows possibly padded (not contiguous); planar and packed YUV: see `encodings`;
            'jpeg' and 'png': the compressed file, (n,) uint8.
        encoding: sensor_msgs/image_encodings name ('rgb8', 'nv12', ...), or 'jpeg' / 'png'.
        frame_id: optical frame of the camera (REP-103: x right, y down, z forward).
    """

    camera: str
    stamp_ns: int
    received_ns: int
    image: NDArray[Any]
    encoding: str
    frame_id: str

    @property
    def exposed_ns(self) -> int:
        """From when its age counts, nanoseconds: its stamp; its arrival where the stamp is of another clock.

        A recording played without its clock, say, would otherwise be too old to be worth anything.
        """
        wire_ns = self.received_ns - self.stamp_ns
        return self.stamp_ns if -AHEAD_NS <= wire_ns <= BEHIND_NS else self.received_ns
