"""The options of a trial: the load, and the criteria for a trial that is held."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.simulation.schedule import Exposure


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """One trial: a number of equal cameras that stream for some seconds.

    Attributes:
        streams: number of cameras.
        rate_hz: images per second of each camera.
        width, height: image size, pixels.
        encoding: 'rgb8' or 'jpeg'.
        bound_ms: latency bound, header stamp to published result.
        matched: True joins the frames of one period into sets; False leaves the streams independent.
        graph: kind of middleware.
        domain_id: of the middleware.
        warm_up_s: streaming time before frames are counted.
        seconds: streaming time in which frames are counted.
        spread_ms: time between the first and the last camera of a period; independent streams are spread over
            the whole period.
        most_lost: share of frames that may be lost or late.
        burst: (from_s, until_s, factor) after the warm-up; the rate is multiplied by the factor.
        fewer: (from_s, streams) after the warm-up; from then on, only the first `streams` cameras continue.

    Raises ConfigError for a value out of range.
    """

    streams: int = 1
    rate_hz: float = 10.0
    width: int = 640
    height: int = 480
    encoding: str = 'rgb8'
    bound_ms: float = 100.0
    matched: bool = True
    graph: str = 'dds'
    domain_id: int = 0
    warm_up_s: float = 2.0
    seconds: float = 5.0
    spread_ms: float = 10.0
    most_lost: float = 0.01
    burst: tuple[float, float, float] | None = None
    fewer: tuple[float, int] | None = None

    def __post_init__(self) -> None:
        if self.streams < 1 or not 0.1 <= self.rate_hz <= 1000:
            raise ConfigError(
                f'expected 1 stream or more at 0.1 to 1000 Hz, got {self.streams} at {self.rate_hz} Hz'
            )
        if self.encoding not in ('rgb8', 'jpeg'):
            raise ConfigError(f'expected encoding rgb8 or jpeg, got {self.encoding!r}')
        if self.seconds <= 0 or self.bound_ms <= 0:
            raise ConfigError('expected a duration and a bound above 0')
        if self.fewer is not None and not 1 <= self.fewer[1] <= self.streams:
            raise ConfigError(f'expected 1 to {self.streams} cameras to continue, got {self.fewer[1]}')

    def with_streams(self, streams: int) -> TrialOptions:
        return replace(self, streams=streams)

    @property
    def cameras(self) -> tuple[str, ...]:
        return tuple(f'cam{index}' for index in range(self.streams))

    @property
    def counted_ns(self) -> tuple[int, int]:
        """The first and the last stamp that is counted, nanoseconds after the beginning."""
        begin_ns = round(self.warm_up_s * 1e9)
        return begin_ns, begin_ns + round(self.seconds * 1e9)

    @property
    def counted_share(self) -> float:
        """The share of the streaming time that is counted. CPU times are measured over all of it."""
        return self.seconds / (self.warm_up_s + self.seconds + self.bound_ms * 1e-3)

    def exposures(self) -> Iterator[Exposure]:
        """Return every frame of the trial in the order of its stamps, nanoseconds from the beginning.

        The cameras stream for one bound longer than frames are counted, so that the load stays the same until
        the last counted frame has its result.
        """
        until_ns = self.counted_ns[1] + round(self.bound_ms * 1e6)
        period_ns = round(1e9 / self.rate_hz)
        spread_ns = min(round(self.spread_ms * 1e6), period_ns) if self.matched else period_ns
        start_ns, tick = 0, 0
        while start_ns < until_ns:
            for camera in range(self._streams_at(start_ns)):
                yield Exposure(start_ns + camera * spread_ns // self.streams, camera, tick)
            start_ns += self._period_at(start_ns, period_ns)
            tick += 1

    def _period_at(self, start_ns: int, period_ns: int) -> int:
        if self.burst is None:
            return period_ns
        from_s, until_s, factor = self.burst
        after_s = start_ns / 1e9 - self.warm_up_s
        return round(period_ns / factor) if from_s <= after_s < until_s else period_ns

    def _streams_at(self, start_ns: int) -> int:
        if self.fewer is None:
            return self.streams
        from_s, streams = self.fewer
        return streams if start_ns / 1e9 - self.warm_up_s >= from_s else self.streams

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> TrialOptions:
        values = json.loads(text)
        for name in ('burst', 'fewer'):
            if values[name] is not None:
                values[name] = tuple(values[name])
        return cls(**values)
