"""The largest number of streams that is held, and held again: decisions only."""

from __future__ import annotations

from collections.abc import Callable, Generator

# What is tried first; then it doubles.
_FIRST = 2

Search = Generator[int, bool, int]
"""Gives the number of streams to try next, is sent whether it was held, returns the number found."""


def search(most: int, confirmations: int = 5) -> Search:
    """Doubling, then halving the interval, then confirming; 0 if not even one stream is held.

    A generator, so that several searches can take turns: then a slow minute of the machine meets all alike.

    Args:
        most: streams that are tried at most.
        confirmations: so often the winner has to hold once more; one that does not makes the next smaller
            number (5 % less, at least one) the candidate.
    """
    return (yield from confirmed((yield from _largest(most)), confirmations))


def confirmed(candidate: int, confirmations: int) -> Search:
    """The second half of a search: how many of `candidate` streams hold, and hold again."""
    while candidate and not (yield from _holds_again(candidate, confirmations)):
        candidate = min(candidate - 1, int(candidate * 0.95))
    return candidate


def most_held(holds: Callable[[int], bool], most: int, confirmations: int = 5) -> int:
    """The search run to its end: `holds` runs a trial with so many streams and says whether it was held."""
    steps = search(most, confirmations)
    try:
        streams = next(steps)
        while True:
            streams = steps.send(holds(streams))
    except StopIteration as ended:
        return int(ended.value)


def _largest(most: int) -> Search:
    """Of a load that is held up to some number and not above it; any number of a noisy one."""
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
