"""Learning rate with warm-up, constant phase and decay (the trapezoid of Zhai et al. 2022, Hu et al. 2024).

In the constant phase, a run does not depend on its total length. From any checkpoint of this phase, a run can
decay to a finished model or continue with the constant rate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The learning rate of steps 0..steps-1.

    Attributes:
        peak: learning rate of the constant phase.
        steps: number of steps of the run.
        warmup_steps: number of steps of the linear rise from peak / warmup_steps.
        decay_steps: number of steps of the linear fall to peak / 100 at the end.
    """

    peak: float
    steps: int
    warmup_steps: int
    decay_steps: int

    def rate(self, step: int) -> float:
        rise = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        left = min(1.0, (self.steps - step) / max(self.decay_steps, 1))
        return self.peak * min(rise, 0.01 + 0.99 * left)
