"""Descriptions of clocks that differ from ours: how much, the likely cause, and the remedy for that cause."""

from __future__ import annotations

from collections.abc import Mapping

from stream_infer_ros.sync.sender_clocks import TOLERANCE_NS, ClockKind, SenderClock

# TAI was 37 s ahead of UTC from 2017 on, and GPS time 18 s.
TAI_AHEAD_S = 37
GPS_AHEAD_S = 18
# GPS time begins on 1980-01-06.
GPS_EPOCH_S = 315_964_800
_NEAR_S = 0.9  # from a whole number of seconds, which includes the latency
_QUARTER_HOUR_S = 900
_MOST_ZONES_S = 14 * 3600
# Images that arrive later after their stamps are worth a word, even if they can be used.
SLOW_NS = 1_000_000_000
# The most frames that a message lists.
MOST_NAMED = 5
# A clock before 2001-09-09 does not count from 1970: it is a simulation, or time since some start.
_CALENDAR_NS = 10**18


def clock_problem(clock: SenderClock) -> str:
    """Describe how the stamps of a sender differ from our clock, and the remedy; empty if they do not."""
    if clock.kind is ClockKind.UNSET:
        return (
            'its header stamps are zero, because its driver never sets them: its images are matched by their '
            'arrival, from which latency is measured, too; let the driver set the time of exposure'
        )
    if clock.kind is ClockKind.FROZEN:
        return (
            'its header stamps are useless, because they do not change with every image: its images are '
            'matched by their arrival, from which latency is measured, too; correct the stamps of the driver'
        )
    if clock.kind is ClockKind.OFFSET:
        return _other_clock(clock)
    delay_ns = clock.least_delay_ns
    if delay_ns is None or -TOLERANCE_NS <= delay_ns <= SLOW_NS:
        return ''
    if delay_ns < 0:
        return (
            f'its stamps lie {duration(-delay_ns)} ahead of their arrival, so its clock is ahead of ours by '
            'at least that: synchronise the two computers (chrony, or PTP)'
        )
    return (
        f'its images arrive {duration(delay_ns)} after their stamps: they are slow on their way, or its '
        'clock is behind ours; reduce the latency of its driver, or synchronise the computers (chrony, PTP)'
    )


def transform_clock_problem(clocks: Mapping[str, SenderClock]) -> str:
    """Describe the clock of these transforms, by child frame; empty if there are none."""
    if not clocks:
        return ''
    frames = ', '.join(repr(child) for child in sorted(clocks)[:MOST_NAMED])
    frames += ', ...' if len(clocks) > MOST_NAMED else ''
    clock = next(iter(clocks.values()))
    if clock.kind is ClockKind.UNSET:
        return (
            f'the stamps of the transforms of {frames} are zero: their arrival is used instead; '
            'correct their publisher'
        )
    offset_ns = clock.offset_ns
    cause, remedy = clock_cause(-offset_ns, clock.stamp_ns, clock.received_ns, 'publisher')
    side = 'behind' if offset_ns > 0 else 'ahead of'
    return (
        f'the stamps of the transforms of {frames} lie {duration(abs(offset_ns))} {side} their arrival, '
        f'unlike those of the images: {cause}; '
        f'they are looked up with this difference taken out; {remedy}'
    )


def _other_clock(clock: SenderClock) -> str:
    offset_ns = clock.offset_ns
    side = 'behind' if offset_ns > 0 else 'ahead of'
    cause, remedy = clock_cause(-offset_ns, clock.stamp_ns, clock.received_ns)
    drift = clock.drift
    drifts = (
        f', and run {abs(drift):.1%} too {"slow" if drift > 0 else "fast"}' if abs(drift) >= 0.0005 else ''
    )
    return (
        f'its stamps lie {duration(abs(offset_ns))} {side} their arrival{drifts}: {cause}; its images are '
        f'matched with this difference taken out, and latency is measured from their arrival; {remedy}'
    )


def clock_cause(ahead_ns: int, stamp_ns: int, received_ns: int, driver: str = 'driver') -> tuple[str, str]:
    """Return the likely cause of a difference between two clocks, and the remedy for it.

    Args:
        ahead_ns: time by which the stamps are ahead of our clock; negative: behind.
        stamp_ns: a stamp in its own clock.
        received_ns: its arrival in our clock.
        driver: the word for the program that stamps.
    """
    ahead_s = ahead_ns / 1e9
    zone_s = round(ahead_s / _QUARTER_HOUR_S) * _QUARTER_HOUR_S

    def is_ahead_by(seconds: float) -> bool:
        return abs(ahead_s - seconds) < _NEAR_S

    causes: tuple[tuple[bool, str, str], ...] = (
        (
            stamp_ns < _CALENDAR_NS <= received_ns,
            'they count from about zero, as those of a simulation or the time since a start',
            f'for a simulation, set use_sim_time:=true; else let the {driver} stamp with the system time',
        ),
        (
            received_ns < _CALENDAR_NS <= stamp_ns,
            f'our clock is that of a simulation or a recording (/clock), its {driver} uses the system time',
            f'set use_sim_time for its {driver} as well, or for neither',
        ),
        (
            is_ahead_by(TAI_AHEAD_S),
            'this looks like TAI, as of PTP without its offset from UTC',
            f'set the UTC offset of {TAI_AHEAD_S} s where PTP sets the clock (ptp4l, phc2sys, the camera)',
        ),
        (
            is_ahead_by(-TAI_AHEAD_S),
            'this looks like UTC beside our TAI, or a UTC offset of PTP that was applied twice',
            f'check the UTC offset of {TAI_AHEAD_S} s where PTP sets the clocks (ptp4l, phc2sys)',
        ),
        (
            is_ahead_by(GPS_AHEAD_S),
            'this looks like GPS time, which has no leap seconds',
            f'let its {driver} subtract the {GPS_AHEAD_S} leap seconds',
        ),
        (
            abs(ahead_s + GPS_EPOCH_S - GPS_AHEAD_S) < 60,
            'they look like GPS time, which counts from 1980',
            f'let its {driver} convert GPS time to UTC since 1970',
        ),
        (
            0 < abs(zone_s) <= _MOST_ZONES_S and is_ahead_by(zone_s),
            'this looks like local time instead of UTC',
            f'let its {driver} stamp in UTC',
        ),
        (
            abs(ahead_s) < 60,
            'its clock is not synchronised with ours',
            'synchronise the two computers (chrony, or PTP)',
        ),
        (
            ahead_s < 0,
            'a recording that is played without its clock, or a computer whose date is wrong',
            'play with `ros2 bag play --clock` and set use_sim_time:=true, or correct that date',
        ),
        (
            True,
            'the date of one computer is wrong, or only we run on the clock of a recording',
            'compare `date` on both computers, and use_sim_time of both nodes',
        ),
    )
    return next((cause, remedy) for applies, cause, remedy in causes if applies)


def duration(ns: int) -> str:
    """Return a duration as text in a fitting unit: '0.70 s', '37.0 s', '12.0 min', '3.0 h', '13.2 years'."""
    seconds = ns / 1e9
    if seconds < 1:
        return f'{seconds:.2f} s'
    for unit, size_s, until_s in (
        ('s', 1, 600),
        ('min', 60, 3600),
        ('h', 3600, 72 * 3600),
        ('days', 86_400, 730 * 86_400),
    ):
        if seconds < until_s:
            return f'{seconds / size_s:.1f} {unit}'
    return f'{seconds / (365.25 * 86_400):.1f} years'
