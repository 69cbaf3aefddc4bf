"""The newest frame of everyone, at the pace of the fastest camera."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.matched import matched_set

# Factors of message_filters' LatestTime policy.
_RATE_WEIGHT = 0.9
_ERROR_WEIGHT = 0.3
_MARGIN = 10.0


class LatestSynchronizer(FrameDriven):
    """message_filters' C++ LatestTime policy, with an end to old frames.

    Stamps are not looked at. The pivot is the camera with the highest rate of arrival that is not overdue.
    Each of its frames makes a set with the newest frame of every other camera: a slow camera's frame comes in
    several.

    Unlike there, a frame that arrived longer than `camera_timeout_ns` ago (two and a half periods of its
    camera, if that is longer) is left out, and a camera never heard is waited for no longer than that.

    Drops: `superseded` (a newer frame of that camera came before any set).

    Args:
        cameras: names; their order is the order of the slots.
        camera_timeout_ns: age of arrival beyond which a frame is left out.

    Raises:
        ConfigError: no cameras, or one twice; in `add`: a frame of a camera not named.
    """

    def __init__(self, cameras: Sequence[str], camera_timeout_ns: int = 500_000_000) -> None:
        super().__init__(cameras)
        self._camera_timeout_ns = camera_timeout_ns
        self._frames: list[Frame | None] = [None] * len(cameras)
        self._given_out = [True] * len(cameras)
        self._rates = [_ArrivalRate() for _ in cameras]
        self._first_heard_ns: int | None = None

    @property
    def pending(self) -> int:
        """Frames that came into no set yet."""
        return self._given_out.count(False)

    def retune(self, config: SyncConfig) -> None:
        self._camera_timeout_ns = config.camera_timeout_ns

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        if self._first_heard_ns is None:
            self._first_heard_ns = now_ns
        if not self._given_out[slot]:
            self._drops.count(frame.camera, 'superseded')
        self._frames[slot], self._given_out[slot] = frame, False
        if not self._rates[slot].heard(now_ns) or self._pivot(now_ns) != slot:
            return ()
        if None in self._frames and now_ns - self._first_heard_ns < self._camera_timeout_ns:
            return ()
        fresh = [self._is_fresh(slot, now_ns) for slot in range(len(self._frames))]
        self._given_out = [given or now for given, now in zip(self._given_out, fresh, strict=True)]
        return (matched_set([f if now else None for f, now in zip(self._frames, fresh, strict=True)]),)

    def _is_fresh(self, slot: int, now_ns: int) -> bool:
        heard_ns = self._rates[slot].heard_ns
        return heard_ns is not None and now_ns - heard_ns <= max(
            self._camera_timeout_ns, self._rates[slot].patience_ns
        )

    def _pivot(self, now_ns: int) -> int | None:
        fastest_first = sorted(range(len(self._rates)), key=lambda slot: -self._rates[slot].hz)
        return next((slot for slot in fastest_first if self._rates[slot].is_on_time(now_ns)), None)


class _ArrivalRate:
    """Exponential means of a stream's rate and of its error; a step of the rate starts them anew."""

    __slots__ = ('error_hz', 'heard_ns', 'hz')

    def __init__(self) -> None:
        self.hz = 0.0  # 0: unknown
        self.error_hz: float | None = None
        self.heard_ns: int | None = None

    @property
    def patience_ns(self) -> int:
        """Two and a half periods; 0 while the rate is unknown."""
        return int(2.5e9 / self.hz) if self.hz else 0

    def heard(self, now_ns: int) -> bool:
        """A frame arrived. Whether that told a rate."""
        if self.heard_ns is None:
            self.heard_ns = now_ns
            return False
        if now_ns <= self.heard_ns:  # several at once: no interval to learn from
            return False
        hz = 1e9 / (now_ns - self.heard_ns)
        self.heard_ns = now_ns
        off_hz = abs(self.hz - hz)
        if self.hz == 0.0 or (self.error_hz is not None and off_hz > _MARGIN * self.error_hz):
            self.hz, self.error_hz = hz, None
            return True
        self.error_hz = (
            off_hz if self.error_hz is None else _ERROR_WEIGHT * off_hz + (1 - _ERROR_WEIGHT) * self.error_hz
        )
        self.hz = _RATE_WEIGHT * hz + (1 - _RATE_WEIGHT) * self.hz
        return True

    def is_on_time(self, now_ns: int) -> bool:
        """Whether its rate is known and its next frame is not overdue."""
        if self.hz == 0.0 or self.heard_ns is None:
            return False
        if now_ns <= self.heard_ns or self.error_hz is None:
            return True
        return self.hz - 1e9 / (now_ns - self.heard_ns) <= _MARGIN * self.error_hz
