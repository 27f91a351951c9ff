"""Several runs beside one another: each in figures on the leaves that all of them held out, and
leaf by leaf against one of them.

A leaf counts where every run was scored on it without having learnt it, nor the run whose adapter
it continued, and where label and outlines were the same for all. Where there is no such leaf each
run keeps its own, and nothing is held against anything unless two have leaves in common. Diseases
are called what the project calls them now. Knows the project through its port and scores; knows no
widget and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.domain.disease import names_now
from core.domain.ids import ImageId
from core.domain.run import Run, Score
from core.geometry.severity import concordance
from core.ports import ProjectStore
from core.services.bootstrap import Interval, Numbers, interval, ratio_change
from core.services.figures import Figures, Groups, figures_of, gain, sureness, units_of
from core.services.programme import groups_of
from core.services.runs import lineage, run_config, run_folder
from core.training.config import Answers
from core.training.run_folder import RunFolder

ALIKE = 1e-6
"""Percentage points of true severity beyond which the outlines were other ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What a run said of the leaves it held out. ``learnt`` counts those that are missing because
    a run whose adapter it continued had learnt them. ``masks``: it draws, and does not only name.
    """

    run: Run
    folder: RunFolder
    masks: bool
    classes: tuple[str, ...]
    held: tuple[Score, ...]
    learnt: int
    groups: dict[ImageId, str]


@dataclass(frozen=True, slots=True)
class ClassChange:
    """Paired differences of one class's figures; ``leaves`` are of that class."""

    name: str
    leaves: int
    dice: Interval | None
    recall: Interval | None
    precision: Interval | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Paired differences on ``leaves`` that both have scored: this run's figure - the other's.

    ``calibration`` is of the calibration error: below 0 is better.
    """

    leaves: int
    dice: Interval | None
    accuracy: Interval | None
    ccc: Interval | None
    calibration: Interval | None
    classes: tuple[ClassChange, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """One of the runs. ``changes`` is None for the one that the others are held against, and where
    there is no leaf that both have scored.
    """

    scored: Scored
    figures: Figures
    changes: Changes | None

    @property
    def run(self) -> Run:
        return self.scored.run


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """``leaves`` are common to all runs, 0 where none is; then each run's figures are of its own.

    ``otherwise`` counts leaves that all have scored, labelled or outlined otherwise for one of
    them, and left out. ``reference`` is the place of the run that the others are held against.
    """

    runs: tuple[Beside, ...]
    leaves: int
    otherwise: int
    reference: int


def letter(place: int) -> str:
    """What the run at ``place`` is called in short: A, B, C…"""
    return chr(ord("A") + place)


def scored(store: ProjectStore, run: Run) -> Scored:
    """On the store lane. Raises TrainingRefused when the run's folder has gone."""
    folder = run_folder(store, run)
    config = run_config(folder)
    held = [s for s in store.scores(run.id) if s.split == "val"]
    before = {
        s.image
        for earlier in (lineage(store, run) if held else ())
        for s in store.scores(earlier)
        if s.split == "train"
    }
    names = names_now(store.diseases())
    kept = tuple(called_now(s, names) for s in held if s.image not in before)
    return Scored(
        run=run,
        folder=folder,
        masks=config.answers is Answers.MASK,
        classes=tuple(dict.fromkeys(names.get(name, name) for name in config.classes)),
        held=kept,
        learnt=len(held) - len(kept),
        groups=groups_of(store, kept),
    )


def called_now(score: Score, names: Mapping[str, str]) -> Score:
    """``score`` with diseases as they are called now; the probabilities of merged ones add up."""
    mentioned = {score.truth, score.predicted, *(name for name, _ in score.probabilities)}
    if not mentioned & names.keys():
        return score
    shares: dict[str, float] = {}
    for name, share in score.probabilities:
        now = names.get(name, name)
        shares[now] = shares.get(now, 0.0) + share
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    truth = score.truth if score.truth is None else names.get(score.truth, score.truth)
    said = ranked[0][0] if ranked else names.get(score.predicted, score.predicted)
    return replace(score, truth=truth, predicted=said, probabilities=tuple(ranked))


def side_by_side(several: Sequence[Scored], reference: int = 0) -> SideBySide:
    """In the free lane: two thousand draws for every figure."""
    common, otherwise = in_common(several)
    classes = tuple(dict.fromkeys(name for one in several for name in one.classes))
    groups = {image: group for one in several for image, group in one.groups.items()}
    held = [_on(one, common) if common else one.held for one in several]
    runs = []
    for k, one in enumerate(several):
        changes = None
        if k != reference:
            pair = common or in_common([several[reference], one], both=True)[0]
            before, after = _on(several[reference], pair), _on(one, pair)
            changes = changes_of(before, after, classes, groups) if before and after else None
        runs.append(Beside(one, figures_of(held[k], classes, groups), changes))
    return SideBySide(tuple(runs), len(common), otherwise, reference)


def in_common(several: Sequence[Scored], *, both: bool = False) -> tuple[set[ImageId], int]:
    """The leaves that all have scored with the same truth, and how many more with another one.

    Runs without any held-out leaf are passed over, unless ``both`` have to have some.
    """
    able = [one for one in several if one.held or both]
    by_image = [{s.image: s for s in one.held} for one in able]
    shared = set.intersection(*(set(found) for found in by_image)) if by_image else set()
    alike = {
        image
        for image in shared
        if _alike([(one.masks, found[image]) for one, found in zip(able, by_image, strict=True)])
    }
    return alike, len(shared) - len(alike)


def _alike(found: Sequence[tuple[bool, Score]]) -> bool:
    """Whether label and outlines were the same. A run that only names knows of no outlines."""
    if len({score.truth for _, score in found}) > 1:
        return False
    drawn = [score for masks, score in found if masks]
    if len({score.dice is None for score in drawn}) > 1:
        return False
    severities = [score.true_severity for score in drawn]
    known = [value for value in severities if value is not None]
    if len(known) not in (0, len(severities)):
        return False
    return not known or max(known) - min(known) < ALIKE


def _on(one: Scored, images: set[ImageId]) -> tuple[Score, ...]:
    return tuple(s for s in one.held if s.image in images)


def changes_of(
    before: Sequence[Score], after: Sequence[Score], classes: Sequence[str], groups: Groups
) -> Changes:
    """From ``before`` to ``after``, which have scored the same leaves."""
    old = {s.image: s for s in before}
    pairs = [(old[s.image], s) for s in after]
    whole = gain(before, after, groups)
    return Changes(
        leaves=len(pairs),
        dice=whole.dice,
        accuracy=whole.accuracy,
        ccc=_ccc(pairs, groups),
        calibration=_calibration(pairs, groups),
        classes=tuple(_class(name, pairs, groups) for name in classes),
    )


Pairs = Sequence[tuple[Score, Score]]


def _class(name: str, pairs: Pairs, groups: Groups) -> ClassChange:
    mine = [(b, a) for b, a in pairs if a.truth == name]
    found = gain([b for b, _ in mine], [a for _, a in mine], groups)
    return ClassChange(name, len(mine), found.dice, found.accuracy, _precision(name, pairs, groups))


def _precision(name: str, pairs: Pairs, groups: Groups) -> Interval | None:
    """Of the leaves that either run called so: not the same ones, so no mean of differences."""
    called = [
        (b, a) for b, a in pairs if a.truth is not None and name in (a.predicted, b.predicted)
    ]
    if not called:
        return None

    def share(side: int) -> tuple[Numbers, Numbers]:
        said = np.array([pair[side].predicted == name for pair in called], float)
        return said * [pair[side].truth == name for pair in called], said

    return ratio_change(share(0), share(1), groups=units_of((a for _, a in called), groups))


def _ccc(pairs: Pairs, groups: Groups) -> Interval | None:
    known = [
        (b, a) for b, a in pairs if a.true_severity is not None and b.true_severity is not None
    ]
    if len(known) < 2:
        return None
    true, old, new = np.array(
        [(a.true_severity, b.severity, a.severity) for b, a in known], float
    ).T
    return interval(
        len(known),
        lambda k: concordance(true[k], new[k]) - concordance(true[k], old[k]),
        groups=units_of((a for _, a in known), groups),
    )


def _calibration(pairs: Pairs, groups: Groups) -> Interval | None:
    known = [(b, a) for b, a in pairs if b.probabilities and a.probabilities]
    old, new = sureness(b for b, _ in known), sureness(a for _, a in known)
    return interval(
        len(new.scores),
        lambda k: new.error(k) - old.error(k),
        groups=units_of(new.scores, groups),
    )
