"""The largest number of streams that is held, and held again: decisions only."""

from __future__ import annotations

from collections.abc import Callable

# What is tried first; then it doubles.
_FIRST = 2


class Search:
    """Doubling, then halving the interval, then confirming.

    Args:
        holds: runs a trial with so many streams; whether it was held.
        most: streams that are tried at most.
        confirmations: so often the winner has to hold once more; one that does not makes the next smaller
            number (5 % less, at least one) the candidate.
    """

    def __init__(self, holds: Callable[[int], bool], most: int, confirmations: int = 5) -> None:
        self._holds = holds
        self._most = most
        self._confirmations = confirmations

    def run(self) -> int:
        """The number of streams; 0 if not even one is held."""
        candidate = self._largest()
        while candidate and not all(self._holds(candidate) for _ in range(self._confirmations)):
            candidate = min(candidate - 1, int(candidate * 0.95))
        return candidate

    def _largest(self) -> int:
        """Of a load that is held up to some number and not above it; any number of a noisy one."""
        low, trial = 0, min(_FIRST, self._most)
        while self._holds(trial):
            low = trial
            if trial == self._most:
                return low
            trial = min(2 * trial, self._most)
        high = trial
        while high - low > 1:
            middle = (low + high) // 2
            if self._holds(middle):
                low = middle
            else:
                high = middle
        return low
