"""Runs are held against one another on the same leaves, and where they cannot be it is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.domain.disease import Disease, names_now
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.run import Run, RunState, Score, TargetScore
from core.services.comparison import Scored, called_now, side_by_side
from core.services.run_choice import sentence
from core.training.run_folder import RunFolder

CLASSES = ("rust", "blight")


def score(
    image: int,
    dice: float | None = 0.8,
    *,
    truth: str = "rust",
    said: str = "",
    sure: float = 0.9,
    true: float | None = 5.0,
    severity: float = 5.0,
) -> Score:
    said = said or truth
    other = "blight" if said == "rust" else "rust"
    targets = () if dice is None else (TargetScore("lesions", dice, dice),)
    return Score(
        RunId("r"), ImageId(image), "val", dice, targets, truth, said,
        ((said, sure), (other, 1 - sure)), severity, true, "",
    )  # fmt: skip


def run(
    held: Sequence[Score],
    name: str = "r",
    *,
    masks: bool = True,
    summary: tuple[tuple[str, float], ...] = (),
    groups: dict[ImageId, str] | None = None,
) -> Scored:
    made = Run(RunId(name), "", "starter", RunState.FINISHED, "", name, summary=summary)
    return Scored(made, RunFolder(Path(name)), masks, CLASSES, tuple(held), 0, groups or {})


def leaves(count: int, dice: float, wrong: Sequence[int] = (), first: int = 0) -> list[Score]:
    """Every second one rust; those of ``wrong`` are called the other."""
    rng = np.random.default_rng(7)
    shaken = dice + rng.normal(0, 0.02, count)
    made = []
    for k, value in enumerate(shaken):
        truth = CLASSES[k % 2]
        said = CLASSES[(k + 1) % 2] if k in wrong else truth
        made.append(score(first + k, float(value), truth=truth, said=said))
    return made


def test_only_leaves_that_all_held_out_count_and_each_class_has_its_difference() -> None:
    found = side_by_side([run(leaves(30, 0.6, wrong=(1, 3, 5))), run(leaves(24, 0.7))])
    assert found.leaves == 24
    first, second = found.runs
    assert first.figures.leaves == second.figures.leaves == 24
    assert first.changes is None
    assert second.changes is not None
    rust, blight = second.changes.classes
    assert rust.dice is not None
    assert rust.dice.above_zero
    assert rust.dice.value == pytest.approx(0.1)
    assert rust.leaves == 12
    # Three blighted leaves were called rust by the first alone.
    assert blight.recall is not None
    assert blight.recall.value == pytest.approx(3 / 12)
    assert rust.precision is not None
    assert rust.precision.value == pytest.approx(1 - 12 / 15)


def test_the_run_that_the_others_are_held_against_can_be_another_one() -> None:
    several = [run(leaves(20, 0.6)), run(leaves(20, 0.7))]
    found = side_by_side(several, reference=1)
    assert found.runs[1].changes is None
    assert found.runs[0].changes is not None
    assert found.runs[0].changes.dice is not None
    assert found.runs[0].changes.dice.value == pytest.approx(-0.1)


def test_a_leaf_that_was_corrected_in_between_is_left_out() -> None:
    before, after = leaves(20, 0.6), leaves(20, 0.7)
    after[0] = replace(after[0], truth="blight")
    after[1] = replace(after[1], true_severity=9.0)
    after[2] = replace(after[2], dice=None, targets=(), true_severity=None)
    found = side_by_side([run(before), run(after)])
    assert (found.leaves, found.otherwise) == (17, 3)


def test_a_run_that_only_names_is_compared_on_its_names() -> None:
    naming = [replace(s, dice=None, targets=(), true_severity=None) for s in leaves(20, 0.5)]
    found = side_by_side([run(leaves(20, 0.6, wrong=(0, 1))), run(naming, masks=False)])
    assert (found.leaves, found.otherwise) == (20, 0)
    changes = found.runs[1].changes
    assert changes is not None
    assert changes.dice is None
    assert changes.accuracy is not None
    assert changes.accuracy.value == pytest.approx(0.1)


def test_runs_without_a_leaf_in_common_keep_their_own_and_are_not_compared() -> None:
    several = [run(leaves(20, 0.6)), run(leaves(12, 0.9, first=100))]
    found = side_by_side(several)
    assert found.leaves == 0
    assert [one.figures.leaves for one in found.runs] == [20, 12]
    assert found.runs[1].changes is None
    assert "have no held-out leaf in common" in sentence(several)


def test_a_run_of_an_older_version_without_probabilities_has_no_calibration() -> None:
    old = [replace(s, probabilities=()) for s in leaves(20, 0.6)]
    found = side_by_side([run(old), run(leaves(20, 0.6))])
    assert found.runs[0].figures.calibration is None
    assert found.runs[1].figures.calibration is not None
    changes = found.runs[1].changes
    assert changes is not None
    assert changes.calibration is None
    assert changes.accuracy is not None


def test_how_sure_a_run_is_is_compared_on_the_same_leaves() -> None:
    wrong = (0, 5, 9, 14)
    bragging = [replace(s, probabilities=((s.predicted, 0.99),)) for s in leaves(20, 0.6, wrong)]
    honest = [replace(s, probabilities=((s.predicted, 0.8),)) for s in leaves(20, 0.6, wrong)]
    found = side_by_side([run(bragging), run(honest)])
    one = found.runs[0].figures.calibration
    assert one is not None
    assert (one.confidence, one.right) == (pytest.approx(0.99), pytest.approx(0.8))
    assert 0 < one.by_chance < 0.05
    changes = found.runs[1].changes
    assert changes is not None
    assert changes.calibration is not None
    assert changes.calibration.value == pytest.approx(-0.19)


def test_few_leaves_are_known_to_look_ill_calibrated_by_chance() -> None:
    few, many = (
        side_by_side([run([score(i, sure=0.5 + i % 50 / 100) for i in range(n)])]).runs[0]
        for n in (15, 1500)
    )
    assert few.figures.calibration is not None
    assert many.figures.calibration is not None
    assert few.figures.calibration.by_chance > 0.1
    assert many.figures.calibration.by_chance < 0.04


def test_leaves_of_one_plant_make_a_difference_less_sure() -> None:
    plants = {ImageId(k): f"plant {k // 10}" for k in range(40)}
    before, after = leaves(40, 0.6), leaves(40, 0.7)
    alone = side_by_side([run(before), run(after)]).runs[1].changes
    together = side_by_side([run(before, groups=plants), run(after, groups=plants)]).runs[1]
    assert alone is not None
    assert alone.dice is not None
    assert alone.dice.known
    assert together.changes is not None
    assert together.changes.dice is not None
    assert not together.changes.dice.known  # four plants are too few


def test_a_disease_that_was_renamed_or_merged_is_still_the_same_one() -> None:
    rust = Disease(DiseaseId(1), "leaf rust", "#ff0000", synonyms=("rust", "old rust"))
    names = names_now([rust, Disease(DiseaseId(2), "blight", "#00ff00")])
    told = replace(
        score(1, truth="rust", said="blight"),
        probabilities=(("blight", 0.4), ("rust", 0.35), ("old rust", 0.25)),
    )
    found = called_now(told, names)
    assert (found.truth, found.predicted) == ("leaf rust", "leaf rust")
    assert found.probabilities[0] == ("leaf rust", pytest.approx(0.6))


def test_the_run_to_take_away_is_named_only_where_chance_is_ruled_out() -> None:
    low, high = leaves(30, 0.6), leaves(30, 0.7)
    assert sentence([run(low), run(high)]).startswith("Take B away: its outlines are better than")
    assert "A and B cannot be told apart" in sentence([run(low), run(low)])
    assert "C is behind" in sentence([run(high), run(high), run(low)])
    # Better outlines do not make up for worse names.
    careless = leaves(30, 0.7, wrong=range(15))
    assert "cannot be told apart" in sentence([run(low), run(careless)])
    assert "are too few" in sentence([run(low[:3]), run(high[:3])])


def test_a_control_is_never_the_one_to_take_away() -> None:
    control = run(leaves(30, 0.9), summary=(("aside", 1.0),))
    said = sentence([run(leaves(30, 0.6)), control])
    assert said.startswith("Only A is one to take away.")
    assert "B is there to judge others by" in said


def test_among_runs_without_outlines_the_naming_decides() -> None:
    def naming(wrong: Sequence[int]) -> Scored:
        said = leaves(40, 0.5, wrong)
        return run([replace(s, dice=None, targets=(), true_severity=None) for s in said])

    said = sentence([naming(range(20)), naming(())])
    assert said == "Take B away: its naming is better than that of A by more than chance."
