"""The LatestTime policy of message_filters: the newest frame of each camera, at the fastest rate."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.matched import matched_set
from stream_infer_ros.sync.synchronizer import Settings

# The constants of the LatestTime policy of message_filters.
_RATE_WEIGHT = 0.9
_ERROR_WEIGHT = 0.3
_MARGIN = 10.0

# Python 3.10 and 3.11 need 0.3 us to look up a member of an enum, a tenth of the time of a whole frame.
_SUPERSEDED = DropCause.SUPERSEDED


class LatestSynchronizer(FrameDriven):
    """The C++ LatestTime policy of message_filters, without its outdated frames.

    Stamps are ignored. The pivot is the camera with the highest rate of arrival that is not overdue. Each of
    its frames makes a set with the newest frame of every other camera, so a frame of a slow camera is in
    several sets.

    Unlike in message_filters, a frame is left out if it arrived longer than `sync.camera_timeout_ms` ago (or
    2.5 periods of its camera, if that is longer). A camera without any frame so far is awaited no longer than
    the timeout.

    Drops: `superseded` (a newer frame of the camera came before any set).

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present.

    Raises:
        ConfigError: no camera, or one that is named twice; in `add`: a frame of an unknown camera.
    """

    def __init__(self, cameras: Sequence[str], settings: Settings) -> None:
        super().__init__(cameras, settings)
        self._apply(settings())
        self._frames: list[Frame | None] = [None] * len(cameras)
        self._given_out = [True] * len(cameras)
        self._rates = [_ArrivalRate() for _ in cameras]
        self._first_heard_ns: int | None = None

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        if self._first_heard_ns is None:
            self._first_heard_ns = now_ns
        if not self._given_out[slot]:
            self._drops.count(frame.camera, _SUPERSEDED)
        self._frames[slot], self._given_out[slot] = frame, False
        if not self._rates[slot].heard(now_ns) or self._pivot(now_ns) != slot:
            return ()
        config = self._settings()
        if config is not self._config:
            self._apply(config)
        if None in self._frames and now_ns - self._first_heard_ns < self._timeout_ns:
            return ()
        fresh = [self._is_fresh(slot, now_ns) for slot in range(len(self._frames))]
        self._given_out = [given or now for given, now in zip(self._given_out, fresh, strict=True)]
        return (matched_set([f if now else None for f, now in zip(self._frames, fresh, strict=True)]),)

    def _apply(self, config: SyncConfig) -> None:
        self._config = config
        self._timeout_ns = config.camera_timeout_ns

    def _is_fresh(self, slot: int, now_ns: int) -> bool:
        rate = self._rates[slot]
        return rate.heard_ns is not None and now_ns - rate.heard_ns <= max(self._timeout_ns, rate.patience_ns)

    def _pivot(self, now_ns: int) -> int | None:
        fastest_first = sorted(range(len(self._rates)), key=lambda slot: -self._rates[slot].hz)
        return next((slot for slot in fastest_first if self._rates[slot].is_on_time(now_ns)), None)


class _ArrivalRate:
    """Exponential means of the rate of a stream and of its error. A step of the rate restarts them."""

    __slots__ = ('error_hz', 'heard_ns', 'hz')

    def __init__(self) -> None:
        self.hz = 0.0  # 0: unknown
        self.error_hz: float | None = None
        self.heard_ns: int | None = None

    @property
    def patience_ns(self) -> int:
        """2.5 periods; 0 while the rate is unknown."""
        return int(2.5e9 / self.hz) if self.hz else 0

    def heard(self, now_ns: int) -> bool:
        """Note the arrival of a frame; return True if the rate was estimated."""
        if self.heard_ns is None:
            self.heard_ns = now_ns
            return False
        if now_ns <= self.heard_ns:  # several frames at once: no interval
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
        """True if the rate is known and the next frame is not overdue."""
        if self.hz == 0.0 or self.heard_ns is None:
            return False
        if now_ns <= self.heard_ns or self.error_hz is None:
            return True
        return self.hz - 1e9 / (now_ns - self.heard_ns) <= _MARGIN * self.error_hz
