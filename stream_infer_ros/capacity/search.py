"""The search for the largest number of streams that is held repeatedly."""

from __future__ import annotations

from collections.abc import Callable, Generator

# The first number that is tried; it is doubled while it is held.
_FIRST = 2

Search = Generator[int, bool, int]
"""Yields the number of streams to try next, receives True if it was held, returns the number found."""


def search(most: int, confirmations: int = 5) -> Search:
    """Double the number, bisect the interval, and confirm the result; 0 if not even one stream is held.

    It is a generator, so that several searches can take turns. A slow minute of the machine then affects all.

    Args:
        most: largest number of streams to try.
        confirmations: trials in which the result has to be held again. If one fails, the search goes on with
            a number that is 5 % smaller (at least by one).
    """
    return (yield from confirmed((yield from _largest(most)), confirmations))


def confirmed(candidate: int, confirmations: int) -> Search:
    """Confirm a candidate, or the next smaller number that is held in all confirmations."""
    while candidate and not (yield from _holds_again(candidate, confirmations)):
        candidate = min(candidate - 1, int(candidate * 0.95))
    return candidate


def most_held(holds: Callable[[int], bool], most: int, confirmations: int = 5) -> int:
    """Run a search to its end. `holds` runs a trial and returns True if that number of streams was held."""
    steps = search(most, confirmations)
    try:
        streams = next(steps)
        while True:
            streams = steps.send(holds(streams))
    except StopIteration as ended:
        return int(ended.value)


def _largest(most: int) -> Search:
    """Find the largest number that is held once, by doubling and bisection."""
    low, trial = 0, min(_FIRST, most)
    while (yield trial):
        low = trial
        if trial == most:
            return low
        trial = min(2 * trial, most)
    high = trial
    while high - low > 1:
        middle = (low + high) // 2
        if (yield middle):
            low = middle
        else:
            high = middle
    return low


def _holds_again(candidate: int, confirmations: int) -> Generator[int, bool, bool]:
    for _ in range(confirmations):
        if not (yield candidate):
            return False
    return True
