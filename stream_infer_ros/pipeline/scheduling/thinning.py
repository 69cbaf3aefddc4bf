"""Lasting overload: less of every stream, of the least important first, instead of all too late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The load is looked at this often, and an overload has to last for as many looks before anything is done.
WINDOW_NS = 500_000_000
PATIENCE = 2
# Lost in a window: above it is too much, and nothing at all is calm.
TOO_MUCH = 0.02
# Of what is kept: what is given back with every calm window, and what every stream keeps in any case.
GIVEN_BACK, LEAST = 0.1, 0.1
# However little is kept of a slow stream: one frame after so long is let in.
AT_LEAST_EVERY_NS = 1_000_000_000
_GOLDEN = (5**0.5 - 1) / 2


class Thinning:
    """Which frames of which stream are let in.

    The share that is kept falls by what was lost (and a little more), after PATIENCE windows with losses,
    and rises by GIVEN_BACK with each window without any after PATIENCE of those: multiplicative decrease,
    additive increase, with hysteresis. It is given to the streams by priority: the highest are whole
    before the next get more than LEAST. A stream's frames are let in evenly (error diffusion), streams of one
    share by turns, and of every stream one at least every AT_LEAST_EVERY_NS.

    Args:
        cameras: names of the streams.
        priorities: of some of them; others have 0. Higher is more important.
    """

    def __init__(self, cameras: Sequence[str], priorities: Mapping[str, int]) -> None:
        self._priority = {camera: priorities.get(camera, 0) for camera in cameras}
        self._keep = 1.0
        self._shares = dict.fromkeys(cameras, 1.0)
        # Spread out, so that thinned streams take turns.
        self._credit = {camera: index * _GOLDEN % 1.0 for index, camera in enumerate(cameras)}
        self._let_in_ns: dict[str, int] = {}
        self._offered = dict.fromkeys(cameras, 0)
        self._admitted = self._lost = 0
        self._window_ends_ns: int | None = None
        self._bad = self._calm = 0

    def admits(self, camera: str, now_ns: int) -> bool:
        """Whether one more frame of that stream, which is here now, is let in."""
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
        """So many that were let in came to nothing for want of time."""
        self._lost += n

    def shares(self) -> Mapping[str, float]:
        """What is kept of each stream at present, 0 to 1."""
        return self._shares

    def __str__(self) -> str:
        thinned = sorted(((share, camera) for camera, share in self._shares.items() if share < 1.0))
        if not thinned:
            return ''
        least = ', '.join(f'{camera} {share:.0%}' for share, camera in thinned[:4])
        more = f' and {len(thinned) - 4} more' if len(thinned) > 4 else ''
        return f'overloaded: {len(thinned)} of {len(self._shares)} streams are thinned ({least}{more})'

    def _look(self, now_ns: int) -> None:
        """Judge the window when it is over."""
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
        """Give what is kept of the last window's frames to the streams, most important first."""
        left = self._keep * sum(self._offered.values()) - LEAST * sum(self._offered.values())
        for priority in sorted(set(self._priority.values()), reverse=True):
            members = [camera for camera, of in self._priority.items() if of == priority]
            wanted = (1.0 - LEAST) * sum(self._offered[camera] for camera in members)
            share = 1.0 if wanted <= left else LEAST + (1.0 - LEAST) * max(0.0, left) / wanted
            left -= wanted
            for camera in members:
                self._shares[camera] = 1.0 if self._keep >= 1.0 else share
