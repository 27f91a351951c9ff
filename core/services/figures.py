"""A run in figures, each with how sure it is: by class, confusions, severity, calibration.

Where photos have groups (a plant, a plot), how sure is told by group, as leaves are held out. Knows
scores; knows no file, no model and no widget. Dice, accuracy and probabilities lie in [0, 1],
severities are in percent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.ids import ImageId
from core.domain.run import Score
from core.geometry.severity import concordance
from core.services.bootstrap import Interval, interval, mean_interval
from core.services.review import lesion_target

BINS = 10
HONEST = 400
"""Draws of what chance alone makes of a calibration error."""
WORSE = 0.05
"""A leaf whose Dice fell by more than this has become worse."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of the leaves that people call ``name``. ``dice`` is over those with lesions, ``recall`` the
    share that is called so, ``precision`` the share of those called so that are.
    """

    name: str
    leaves: int
    dice: Interval | None
    recall: Interval | None
    precision: Interval | None


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """``counts`` [k, k]: leaves of class i (row) that were called class j (column)."""

    classes: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Severity:
    """Predicted beside true severity [n], in percent. ``ccc`` is Lin's coefficient, ``bias`` the
    mean of predicted - true, ``error`` the mean of its size.
    """

    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    ccc: Interval | None
    bias: Interval | None
    error: Interval | None


@dataclass(frozen=True, slots=True)
class Bin:
    """``leaves`` whose likeliest class had about ``confidence``; ``right`` is the share where it
    was the true one.
    """

    leaves: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether probabilities can be taken at their word. ``error`` is the expected calibration
    error (Naeini et al. 2015), ``brier`` the Brier score over all classes; 0 is best for both.
    ``by_chance`` is the error that probabilities which are exactly right would show on as many
    leaves, for it never comes out as 0: much of it where leaves are few.
    """

    bins: tuple[Bin, ...]
    error: Interval | None
    brier: Interval | None
    by_chance: float

    @property
    def confidence(self) -> float:
        """How sure it is on average."""
        return self._mean([b.confidence for b in self.bins])

    @property
    def right(self) -> float:
        """The share where the likeliest class was the true one."""
        return self._mean([b.right for b in self.bins])

    def _mean(self, values: Sequence[float]) -> float:
        return float(np.average(values, weights=[b.leaves for b in self.bins]))


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """``leaves`` were scored, of ``groups`` groups; 0 where each stands for itself. What could not
    be measured is None.
    """

    leaves: int
    groups: int
    dice: Interval | None
    accuracy: Interval | None
    classes: tuple[ClassFigures, ...]
    confusion: Confusion
    severity: Severity | None
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf's Dice in two runs."""

    image: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What another run did to the same leaves. ``dice`` and ``accuracy`` are paired differences,
    after - before; ``changes`` the leaves with lesions, greatest loss first.
    """

    dice: Interval | None
    accuracy: Interval | None
    changes: tuple[Change, ...]

    def worse(self, above: float = 0.0) -> tuple[Change, ...]:
        """Those that lost more than a trifle, of leaves that had at least ``above`` before."""
        return tuple(c for c in self.changes if c.before >= above and c.after < c.before - WORSE)


Groups = Mapping[ImageId, str]
"""The group of each photo that has one; empty where leaves stand for themselves."""


def figures_of(scores: Sequence[Score], classes: Sequence[str], groups: Groups) -> Figures:
    """All figures of ``scores``; ``classes`` in the order they are shown in."""
    named = [s for s in scores if s.truth is not None]
    units = {_unit(s, groups) for s in scores}
    return Figures(
        leaves=len(scores),
        groups=len(units) if len(units) < len(scores) else 0,
        dice=dice_interval(scores, groups),
        accuracy=accuracy_interval(scores, groups),
        classes=tuple(_class(name, scores, groups) for name in classes),
        confusion=_confusion(named, classes),
        severity=_severity(scores, groups),
        calibration=_calibration(named, groups),
    )


def dice_interval(scores: Sequence[Score], groups: Groups) -> Interval | None:
    """The mean lesion Dice of the leaves with lesions."""
    return _mean(((s, v) for s in scores if (v := lesion_dice(s)) is not None), groups)


def accuracy_interval(scores: Sequence[Score], groups: Groups) -> Interval | None:
    """The share of the leaves that carry a disease and are called by it."""
    named = (s for s in scores if s.truth is not None)
    return _mean(((s, float(s.predicted == s.truth)) for s in named), groups)


def concordance_interval(scores: Sequence[Score], groups: Groups) -> Interval | None:
    """Lin's coefficient of predicted and true severity."""
    found = _severity(scores, groups)
    return found.ccc if found is not None else None


def _unit(score: Score, groups: Groups) -> Hashable:
    return groups.get(score.image) or score.image


def units_of(scores: Iterable[Score], groups: Groups) -> list[Hashable]:
    """What each leaf is drawn with: its group, or itself alone."""
    return [_unit(s, groups) for s in scores]


def _mean(values: Iterable[tuple[Score, float]], groups: Groups) -> Interval | None:
    found = list(values)
    return mean_interval([v for _, v in found], groups=units_of((s for s, _ in found), groups))


def lesion_dice(score: Score) -> float | None:
    """Dice of a leaf that has lesions; None where it has none or nobody outlined them."""
    target = lesion_target(score)
    return None if target is not None and target.truth_empty else score.dice


def gain(before: Sequence[Score], after: Sequence[Score], groups: Groups) -> Gain:
    """On the leaves that both have scored."""
    old = {s.image: s for s in before}
    pairs = [(old[s.image], s) for s in after if s.image in old]
    changes = [
        (a, Change(int(a.image), x, y))
        for b, a in pairs
        if (x := lesion_dice(b)) is not None and (y := lesion_dice(a)) is not None
    ]
    named = [
        (a, float(a.predicted == a.truth) - float(b.predicted == b.truth))
        for b, a in pairs
        if a.truth is not None and b.truth == a.truth
    ]
    return Gain(
        dice=_mean(((a, c.after - c.before) for a, c in changes), groups),
        accuracy=_mean(named, groups),
        changes=tuple(sorted((c for _, c in changes), key=lambda c: c.after - c.before)),
    )


def _class(name: str, scores: Sequence[Score], groups: Groups) -> ClassFigures:
    mine = [s for s in scores if s.truth == name]
    called = [s for s in scores if s.predicted == name and s.truth is not None]
    return ClassFigures(
        name=name,
        leaves=len(mine),
        dice=dice_interval(mine, groups),
        recall=_mean(((s, float(s.predicted == name)) for s in mine), groups),
        precision=_mean(((s, float(s.truth == name)) for s in called), groups),
    )


def _confusion(named: Sequence[Score], classes: Sequence[str]) -> Confusion:
    place = {name: k for k, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for score in named:
        if score.truth in place and score.predicted in place:
            counts[place[score.truth], place[score.predicted]] += 1
    return Confusion(tuple(classes), counts)


def _severity(scores: Sequence[Score], groups: Groups) -> Severity | None:
    known = [s for s in scores if s.true_severity is not None]
    if len(known) < 2:
        return None
    true, predicted = np.array([(s.true_severity, s.severity) for s in known], float).T
    units = units_of(known, groups)
    return Severity(
        true=true,
        predicted=predicted,
        ccc=interval(len(true), lambda k: concordance(true[k], predicted[k]), groups=units),
        bias=mean_interval(predicted - true, groups=units),
        error=mean_interval(np.abs(predicted - true), groups=units),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Sureness:
    """Leaves with a true class and probabilities, [n] each: the ``place`` in ``BINS`` of how
    ``sure`` the likeliest class was, and whether it was ``right`` (0 or 1).
    """

    scores: tuple[Score, ...]
    place: NDArray[np.int64]
    sure: NDArray[np.float64]
    right: NDArray[np.float64]

    def error(self, k: NDArray[np.int64]) -> float:
        """The expected calibration error of the leaves with indices ``k``."""
        return _calibration_error(self.place[k], self.sure[k], self.right[k])


def sureness(scores: Iterable[Score]) -> Sureness:
    """Of those of ``scores`` that have both."""
    known = tuple(s for s in scores if s.truth is not None and s.probabilities)
    sure = np.array([s.probabilities[0][1] for s in known])
    right = np.array([float(s.probabilities[0][0] == s.truth) for s in known])
    return Sureness(known, np.clip((sure * BINS).astype(int), 0, BINS - 1), sure, right)


def _calibration(named: Sequence[Score], groups: Groups) -> Calibration | None:
    found = sureness(named)
    if not found.scores:
        return None
    bins = tuple(
        Bin(int(inside.sum()), float(found.sure[inside].mean()), float(found.right[inside].mean()))
        for k in range(BINS)
        if (inside := found.place == k).any()
    )
    return Calibration(
        bins=bins,
        error=interval(len(found.scores), found.error, groups=units_of(found.scores, groups)),
        brier=_mean(((s, _brier(s)) for s in found.scores), groups),
        by_chance=_by_chance(found),
    )


def _by_chance(found: Sureness) -> float:
    """The mean calibration error if every leaf were right as often as it was sure."""
    rng = np.random.default_rng(0)
    drawn = rng.random((HONEST, len(found.sure))) < found.sure
    errors = [_calibration_error(found.place, found.sure, one.astype(float)) for one in drawn]
    return float(np.mean(errors))


def _calibration_error(
    place: NDArray[np.int64], sure: NDArray[np.float64], right: NDArray[np.float64]
) -> float:
    gaps = np.bincount(place, weights=sure - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(place))


def _brier(score: Score) -> float:
    missed = 0.0 if any(name == score.truth for name, _ in score.probabilities) else 1.0
    return missed + sum((p - float(n == score.truth)) ** 2 for n, p in score.probabilities)
