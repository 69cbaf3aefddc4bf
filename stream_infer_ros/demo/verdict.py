"""The verdict on a demo run: whether it passed, and if not, which criteria failed and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from stream_infer_ros.demo.load import Load

LEAST_PUBLISHED = 0.98
MOST_PARTIAL = 0.02


class Criterion(Enum):
    """The three criteria of a demo run."""

    PUBLISHED = 'sets published'
    PARTIAL = 'partial sets'
    LATENCY = 'latency'


@dataclass(frozen=True, slots=True)
class SetFigures:
    """The sets of a run.

    Attributes:
        expected: one for each period of the cameras; at least 1.
        published: sets with a result.
        partial: published sets that lack the frame of a camera.
        latencies_ns: of each published set, from its oldest stamp to its last message.
    """

    expected: int
    published: int
    partial: int
    latencies_ns: Sequence[int]

    def latency_ms(self, share: float) -> float:
        """Return the latency that `share` of the expected sets do not exceed.

        A set that was not published counts as infinitely late.
        """
        count = max(self.expected, len(self.latencies_ns))
        rank = max(1, math.ceil(share * count - 1e-9))
        ordered = sorted(self.latencies_ns)
        return ordered[rank - 1] / 1e6 if rank <= len(ordered) else math.inf


@dataclass(frozen=True, slots=True)
class Failure:
    """A criterion that was not met: what was expected, what was measured and what to do."""

    criterion: Criterion
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The figures of a run in one sentence, and the criteria that it failed."""

    figures: str
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        return not self.failures

    def lines(self) -> list[str]:
        """Return the sentence, and a line for each failure."""
        return [self.figures, *(failure.message for failure in self.failures)]


def judge(load: Load, sets: SetFigures, bound_ms: float) -> Verdict:
    """Judge a run.

    It passes if at least 98 % of the expected sets were published, at most 2 % of the expected sets were
    partial, and the latency of 99 % of the expected sets was inside the bound.
    """
    share, partial = sets.published / sets.expected, sets.partial / sets.expected
    p99_ms = sets.latency_ms(0.99)
    late = sum(latency_ns > bound_ms * 1e6 for latency_ns in sets.latencies_ns)
    missing = max(0, sets.expected - sets.published)
    failures = []
    if not sets.published:
        failures.append(
            Failure(
                Criterion.PUBLISHED,
                'FAILED: no set was published. The messages above name the step that lost the images.',
            )
        )
    elif share < LEAST_PUBLISHED:
        failures.append(
            Failure(
                Criterion.PUBLISHED,
                f'FAILED: {share:.1%} of the sets were published, at least {LEAST_PUBLISHED:.0%} are '
                f'expected. The row "drops" names the causes. Close other programs, or use a lower --rate.',
            )
        )
    if partial > MOST_PARTIAL:
        failures.append(
            Failure(
                Criterion.PARTIAL,
                f'FAILED: {partial:.1%} of the sets were partial, at most {MOST_PARTIAL:.0%} are expected. '
                f'Frames that would be late were skipped. Use fewer --cameras or close other programs.',
            )
        )
    if p99_ms > bound_ms:
        failures.append(
            Failure(
                Criterion.LATENCY,
                f'FAILED: {late} sets were published after the bound of {bound_ms:g} ms and {missing} were '
                f'never published, at most 1% of {sets.expected} are expected. Use fewer --cameras, close '
                f'other programs, or allow a larger --bound-ms.',
            )
        )
    latency = (
        f'p99 {p99_ms:.0f} ms is {"inside" if p99_ms <= bound_ms else "OVER"} the bound of {bound_ms:g} ms'
        if math.isfinite(p99_ms)
        else f'more than 1% of the sets never came, so that p99 is OVER the bound of {bound_ms:g} ms'
    )
    figures = (
        f'{load}: {sets.published} of {sets.expected} sets published ({share:.1%}), {sets.partial} partial; '
        f'{latency}'
    )
    return Verdict(figures, tuple(failures))
