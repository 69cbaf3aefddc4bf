"""One image of one camera, as received."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

# A stamp that is older than this on arrival belongs to another clock.
BEHIND_NS = 5_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image with its camera and its times.

    The pixels stay in the received message until the letterbox reads them.

    Attributes:
        camera: name of the camera, as configured.
        stamp_ns: time in nanoseconds by which frames are matched, in the clock of the graph: the header stamp
            plus `clock_offset_ns` and `time_offset_ns`.
        received_ns: time of arrival in nanoseconds, in the same clock.
        image: for raw encodings, a view (height, width) or (height, width, channels) with the dtype of the
            encoding. Its rows may be padded, so that it is not contiguous. `encodings` describes the shapes
            for YUV. For compressed encodings, the file, (n,) uint8.
        encoding: a name in `encodings.ENCODINGS` ('rgb8', 'nv12', ...) or in `compressed.COMPRESSED` ('jpeg',
            'bayer_rggb; png', ...).
        frame_id: optical frame of the camera (REP-103: x right, y down, z forward).
        clock_offset_ns: what was added to the header stamp; 0 if the camera uses the clock of the graph.
        time_offset_ns: what was added after that, for matching only (`camera.<name>.time_offset_ms`).
    """

    camera: str
    stamp_ns: int
    received_ns: int
    image: NDArray[Any]
    encoding: str
    frame_id: str
    clock_offset_ns: int = field(default=0, kw_only=True)
    time_offset_ns: int = field(default=0, kw_only=True)

    @property
    def stamped_ns(self) -> int:
        """The header stamp in the clock of the graph, in nanoseconds. Transforms are looked up at it."""
        return self.stamp_ns - self.time_offset_ns

    @property
    def header_stamp_ns(self) -> int:
        """The stamp in the header of the image, in nanoseconds, in whatever clock it is."""
        return self.stamped_ns - self.clock_offset_ns

    @property
    def exposed_ns(self) -> int:
        """The time from which the age of the frame is counted, in nanoseconds.

        It is the stamp, or the time of arrival if the stamp belongs to another clock, whose offset is known
        only up to the latency. It is never after the arrival.
        """
        if self.clock_offset_ns:
            return self.received_ns
        wire_ns = self.received_ns - self.stamped_ns
        return self.stamped_ns if 0 <= wire_ns <= BEHIND_NS else self.received_ns
