"""How long a burst is felt."""

from __future__ import annotations

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.capacity.tally import Tally

# All in time for so long: recovered.
_CALM_NS = 1_000_000_000


def recovery_s(tally: Tally, options: TrialOptions) -> float | None:
    """Seconds from the burst's end until frames are in time again, for a second at least; None: not at all.

    0 if none was lost or late after the burst.
    """
    if options.burst is None:
        return 0.0
    end_ns = round((options.warm_up_s + options.burst[1]) * 1e9)
    until_ns = options.counted_ns[1]
    felt_ns = end_ns
    for stamp_ns in tally.lost_stamps():
        if stamp_ns < end_ns:
            continue
        if stamp_ns - felt_ns >= _CALM_NS:
            break  # what comes after a second of calm has another cause
        felt_ns = stamp_ns
    return None if until_ns - felt_ns < _CALM_NS else (felt_ns - end_ns) / 1e9
