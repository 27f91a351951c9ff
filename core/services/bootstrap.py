"""How sure a figure is: percentile bootstrap over leaves (Efron 1979).

Leaves are drawn with replacement, each as a unit; what two runs say of the same leaf stays
together, so that a difference is judged by what differs. Leaves of one plant are more alike than
chance would have it: where they are many, an interval is a little too narrow. Knows figures; knows
no run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
LEVEL = 0.95
FEWEST = 5
"""With fewer leaves there is no interval worth the name."""

Numbers = NDArray[np.float64]
Figure = Callable[[NDArray[np.int64]], float]
"""A figure of the leaves with these indices; NaN where they have none."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure of ``leaves`` leaves and its 95 % interval; NaN ends where there are too few."""

    value: float
    low: float
    high: float
    leaves: int

    @property
    def known(self) -> bool:
        """Whether it has ends."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above 0: a gain beyond chance."""
        return self.known and self.low > 0


def interval(leaves: int, figure: Figure, *, seed: int = 0) -> Interval | None:
    """Of any figure; None without leaves or where it is not a number."""
    value = figure(np.arange(leaves)) if leaves else float("nan")
    if not np.isfinite(value):
        return None
    if leaves < FEWEST:
        return Interval(value, float("nan"), float("nan"), leaves)
    rng = np.random.default_rng(seed)
    drawn = np.array([figure(rng.integers(0, leaves, leaves)) for _ in range(DRAWS)])
    return _ends(value, drawn, leaves)


def mean_interval(values: Sequence[float] | Numbers, *, seed: int = 0) -> Interval | None:
    """Of a mean over leaves; None without any."""
    found = np.asarray(values, float)
    if not len(found):
        return None
    value = float(found.mean())
    if len(found) < FEWEST:
        return Interval(value, float("nan"), float("nan"), len(found))
    rng = np.random.default_rng(seed)
    drawn = found[rng.integers(0, len(found), (DRAWS, len(found)))].mean(1)
    return _ends(value, drawn, len(found))


def _ends(value: float, drawn: Numbers, leaves: int) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Interval(value, float("nan"), float("nan"), leaves)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high), leaves)
