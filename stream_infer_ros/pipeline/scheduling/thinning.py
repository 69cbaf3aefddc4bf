"""Lasting overload: some frames of each stream are left out, of the least important first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The load is judged once a window. An overload has to last for PATIENCE windows before frames are left out.
WINDOW_NS = 500_000_000
PATIENCE = 2
# If more than this share of the admitted frames of a window is lost, it is one of overload. A window without
# losses is calm.
TOO_MUCH = 0.02
# The share of frames that is given back with each calm window, and the share that every stream keeps.
GIVEN_BACK, LEAST = 0.1, 0.1
# Each stream keeps at least one frame in this time.
AT_LEAST_EVERY_NS = 1_000_000_000
_GOLDEN = (5**0.5 - 1) / 2


class Thinning:
    """Decides which frames of which stream are admitted.

    The share of admitted frames follows the load by multiplicative decrease and additive increase, with
    hysteresis. After PATIENCE windows of overload it falls by the share that was lost, and a little more.
    After PATIENCE calm windows it rises by GIVEN_BACK with each further calm window.

    The share is distributed by priority. Streams of a lower priority get more than LEAST only once all
    streams of a higher priority are whole. The frames of a stream are admitted evenly (error diffusion).
    Streams of the same share take turns. Each stream gets at least one frame every AT_LEAST_EVERY_NS.

    Args:
        cameras: names of the streams.
        priorities: stream -> priority; higher is more important. A stream that is not listed has 0.
    """

    def __init__(self, cameras: Sequence[str], priorities: Mapping[str, int]) -> None:
        self._priority = {camera: priorities.get(camera, 0) for camera in cameras}
        self._keep = 1.0
        self._shares = dict.fromkeys(cameras, 1.0)
        # The credits begin spread out, so that thinned streams take turns.
        self._credit = {camera: index * _GOLDEN % 1.0 for index, camera in enumerate(cameras)}
        self._let_in_ns: dict[str, int] = {}
        self._offered = dict.fromkeys(cameras, 0)
        self._admitted = self._lost = 0
        self._window_ends_ns: int | None = None
        self._bad = self._calm = 0

    def admits(self, camera: str, now_ns: int) -> bool:
        """Return True if a frame of this stream, which has arrived now, is admitted."""
        self._look(now_ns)
        self._offered[camera] += 1
        self._credit[camera] += self._shares[camera]
        overdue = not 0 <= now_ns - self._let_in_ns.setdefault(camera, now_ns) < AT_LEAST_EVERY_NS
        if self._credit[camera] < 1.0 - 1e-9 and not overdue:  # a sum of shares is not exact
            return False
        self._credit[camera] = max(0.0, self._credit[camera] - 1.0)
        self._let_in_ns[camera] = now_ns
        self._admitted += 1
        return True

    def lost(self, n: int) -> None:
        """Count admitted frames that were dropped later for lack of time."""
        self._lost += n

    def shares(self) -> Mapping[str, float]:
        """Return the share of each stream that is admitted at present, 0 to 1."""
        return self._shares

    def __str__(self) -> str:
        thinned = sorted(((share, camera) for camera, share in self._shares.items() if share < 1.0))
        if not thinned:
            return ''
        least = ', '.join(f'{camera} {share:.0%}' for share, camera in thinned[:4])
        more = f' and {len(thinned) - 4} more' if len(thinned) > 4 else ''
        return f'overloaded: {len(thinned)} of {len(self._shares)} streams are thinned ({least}{more})'

    def _look(self, now_ns: int) -> None:
        """Judge the window once it is over."""
        if self._window_ends_ns is None or now_ns < self._window_ends_ns - WINDOW_NS:  # time went back
            self._begin(now_ns)
        if self._window_ends_ns is None or now_ns < self._window_ends_ns:
            return
        share_lost = self._lost / self._admitted if self._admitted else 0.0
        self._bad = self._bad + 1 if share_lost > TOO_MUCH else 0
        self._calm = self._calm + 1 if not self._lost else 0
        if self._bad >= PATIENCE:
            self._keep = max(LEAST, self._keep * (1.0 - share_lost - TOO_MUCH))
        elif self._calm >= PATIENCE and self._keep < 1.0:
            self._keep = min(1.0, self._keep + GIVEN_BACK)
        self._share_out()
        self._begin(now_ns)

    def _begin(self, now_ns: int) -> None:
        self._window_ends_ns = now_ns + WINDOW_NS
        self._offered = dict.fromkeys(self._offered, 0)
        self._admitted = self._lost = 0

    def _share_out(self) -> None:
        """Distribute the admitted share of the last window's frames to the streams, most important first."""
        left = self._keep * sum(self._offered.values()) - LEAST * sum(self._offered.values())
        for priority in sorted(set(self._priority.values()), reverse=True):
            members = [camera for camera, of in self._priority.items() if of == priority]
            wanted = (1.0 - LEAST) * sum(self._offered[camera] for camera in members)
            share = 1.0 if wanted <= left else LEAST + (1.0 - LEAST) * max(0.0, left) / wanted
            left -= wanted
            for camera in members:
                self._shares[camera] = 1.0 if self._keep >= 1.0 else share
