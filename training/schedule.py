"""Learning rate: warm up, hold, come down (the trapezoid of Zhai et al. 2022, Hu et al. 2024).

While the rate is held, a run does not depend on how long it will be: any checkpoint can be led down to a
finished model, and the run that goes on from it is the same as if nothing had happened.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Steps 0..steps-1.

    Attributes:
        peak: learning rate while held.
        steps: length of the run.
        warmup_steps: linear rise from peak / warmup_steps.
        decay_steps: at the end, linear fall to peak / 100.
    """

    peak: float
    steps: int
    warmup_steps: int
    decay_steps: int

    def rate(self, step: int) -> float:
        rise = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        left = min(1.0, (self.steps - step) / max(self.decay_steps, 1))
        return self.peak * min(rise, 0.01 + 0.99 * left)
