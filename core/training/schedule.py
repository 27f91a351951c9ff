"""How far a run has come, and the learning rate that goes with it.

Knows numbers only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Schedule:
    """Ends by epochs or by minutes, whichever is reached first; by steps where they are set."""

    config: TrainConfig
    steps_per_epoch: int

    @property
    def most_steps(self) -> int:
        """Optimiser steps when time never runs out."""
        return self.config.steps or max(1, round(self.config.epochs * self.steps_per_epoch))

    def progress(self, step: int, seconds: float) -> float:
        """0 at the start to 1 at the end."""
        spent = 0.0 if self.config.steps else seconds / (self.config.minutes * 60)
        return min(1.0, max(step / self.most_steps, spent))

    def expected_steps(self, step: int, seconds: float) -> int:
        """How many steps the run will have had at its end, judged by its pace so far."""
        done = self.progress(step, seconds)
        return self.most_steps if not done else max(step, round(step / done))

    def eta(self, step: int, seconds: float) -> float:
        """Seconds to the end of training, judged by the pace so far."""
        done = self.progress(step, seconds)
        return seconds / done * (1 - done) if done else self.config.minutes * 60

    def factor(self, progress: float) -> float:
        """Learning-rate factor in [0, 1]: linear warm-up, then a cosine to the final rate."""
        warm, last = self.config.warmup, self.config.final_rate
        if progress < warm:
            return max(0.02, progress / warm)
        fall = 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))
        return last + (1 - last) * fall

    def looks(self, progress: float) -> list[float]:
        """Shares of the run, after ``progress``, at which held-out leaves are looked at."""
        count = self.config.evaluations
        return [x for x in ((k + 1) / count for k in range(count)) if x > progress]
