"""One image of one camera, as received."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

# Limits of arrival time minus stamp. A stamp outside of them belongs to another clock.
AHEAD_NS = 500_000_000
BEHIND_NS = 5_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image with its camera and its times.

    The pixels stay in the received message until the letterbox reads them.

    Attributes:
        camera: name of the camera, as configured.
        stamp_ns: header stamp in nanoseconds, in the clock of the graph.
        received_ns: time of arrival in nanoseconds, in the same clock.
        image: for raw encodings, a view (height, width) or (height, width, channels) with the dtype of the
            encoding. Its rows may be padded, so that it is not contiguous. `encodings` describes the shapes
            for YUV. For 'jpeg' and 'png', the compressed file, (n,) uint8.
        encoding: a name from sensor_msgs/image_encodings ('rgb8', 'nv12', ...), 'jpeg' or 'png'.
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
        """The time from which the age of the frame is counted, in nanoseconds.

        It is the stamp, or the time of arrival if the stamp belongs to another clock. Otherwise, for example,
        a recording that is played without its clock would be too old to be processed.
        """
        wire_ns = self.received_ns - self.stamp_ns
        return self.stamp_ns if -AHEAD_NS <= wire_ns <= BEHIND_NS else self.received_ns
