"""How sure a figure is: percentile bootstrap over groups of leaves (Efron 1979).

Groups are drawn with replacement, all leaves of one together, as they are held out: leaves of one
plant are more alike than chance would have it, and each for itself would make an interval too
narrow. A leaf without a group is one of its own. What two runs say of the same leaf stays together,
so that a difference is judged by what differs. Knows figures; knows no run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
LEVEL = 0.95
FEWEST = 5
"""With fewer groups there is no interval worth the name."""

Numbers = NDArray[np.float64]
Figure = Callable[[NDArray[np.int64]], float]
"""A figure of the leaves with these indices; NaN where they have none."""
Groups = Sequence[Hashable]
"""Which group each leaf is in; empty: each is one of its own."""


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

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below 0: a loss beyond chance."""
        return self.known and self.high < 0


def interval(leaves: int, figure: Figure, *, groups: Groups = (), seed: int = 0) -> Interval | None:
    """Of any figure; None without leaves or where it is not a number."""
    value = figure(np.arange(leaves)) if leaves else float("nan")
    if not np.isfinite(value):
        return None
    members = _members(groups or range(leaves))
    if len(members) < FEWEST:
        return Interval(value, float("nan"), float("nan"), leaves)
    rng = np.random.default_rng(seed)

    def draw() -> NDArray[np.int64]:
        chosen = rng.integers(0, len(members), len(members))
        alone = len(members) == leaves  # then members are the leaves themselves
        return chosen if alone else np.concatenate([members[k] for k in chosen])

    drawn = np.array([figure(draw()) for _ in range(DRAWS)])
    return _ends(value, drawn, leaves)


def mean_interval(
    values: Sequence[float] | Numbers, *, groups: Groups = (), seed: int = 0
) -> Interval | None:
    """Of a mean over leaves; None without any."""
    found = np.asarray(values, float)
    if not len(found):
        return None
    value = float(found.mean())
    members = _members(groups or range(len(found)))
    if len(members) < FEWEST:
        return Interval(value, float("nan"), float("nan"), len(found))
    sums = np.array([found[m].sum() for m in members])
    sizes = np.array([len(m) for m in members])
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(members), (DRAWS, len(members)))
    return _ends(value, sums[chosen].sum(1) / sizes[chosen].sum(1), len(found))


def ratio_change(
    before: tuple[Numbers, Numbers],
    after: tuple[Numbers, Numbers],
    *,
    groups: Groups = (),
    seed: int = 0,
) -> Interval | None:
    """Of the difference of two shares, after - before, on the same leaves.

    Each is ([leaves] what is counted, [leaves] out of what): the share is the sum of the one over
    that of the other. None where one of them is of nothing.
    """
    parts = np.stack([np.asarray(part, float) for part in (*before, *after)])
    value = float(_change(parts.sum(1)))
    if not np.isfinite(value):
        return None
    leaves = parts.shape[1]
    members = _members(groups or range(leaves))
    if len(members) < FEWEST:
        return Interval(value, float("nan"), float("nan"), leaves)
    sums = np.stack([parts[:, m].sum(1) for m in members], axis=1)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(members), (DRAWS, len(members)))
    return _ends(value, _change(sums[:, chosen].sum(2)), leaves)


def _change(sums: Numbers) -> Numbers:
    """[4, ...] counted and out of what, before and after, to the difference of the shares."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[2] / sums[3] - sums[0] / sums[1])


def _members(groups: Groups) -> list[NDArray[np.int64]]:
    """The indices of each group's leaves."""
    found: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        found.setdefault(group, []).append(index)
    return [np.array(m) for m in found.values()]


def _ends(value: float, drawn: Numbers, leaves: int) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Interval(value, float("nan"), float("nan"), leaves)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high), leaves)
