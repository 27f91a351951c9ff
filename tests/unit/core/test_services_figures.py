"""Figures come with how sure they are, and compare the same leaves."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.ids import ImageId, RunId
from core.domain.run import Score, TargetScore
from core.services.bootstrap import interval, mean_interval
from core.services.figures import figures_of, gain


def score(
    image: int,
    dice: float | None = 0.8,
    *,
    truth: str | None = "rust",
    said: str = "rust",
    sure: float = 0.9,
    severity: float = 5.0,
    true: float | None = 5.0,
    empty: bool = False,
) -> Score:
    other = "blight" if said == "rust" else "rust"
    targets = () if dice is None else (TargetScore("lesions", dice, dice, truth_empty=empty),)
    return Score(
        RunId("r"), ImageId(image), "val", dice, targets, truth, said,
        ((said, sure), (other, 1 - sure)), severity, true, "",
    )  # fmt: skip


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for trial in range(200):
        found = mean_interval(rng.normal(0.3, 1.0, 40), seed=trial)
        assert found is not None
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 199


def test_too_few_leaves_have_a_figure_and_no_interval() -> None:
    found = mean_interval([0.5, 0.7])
    assert found is not None
    assert found.value == pytest.approx(0.6)
    assert not found.known
    assert not found.above_zero
    assert mean_interval([]) is None
    assert interval(0, lambda k: 1.0) is None


def test_each_class_has_its_own_dice_and_its_own_confusions() -> None:
    scores = [score(i, 0.9) for i in range(6)]
    scores += [score(10 + i, 0.4, truth="blight", said="blight") for i in range(3)]
    scores += [score(20, 0.5, truth="blight", said="rust"), score(30, 1.0, truth=None, empty=True)]
    found = figures_of(scores, ("rust", "blight"), {})
    rust, blight = found.classes
    assert rust.dice is not None
    assert rust.dice.value == pytest.approx(0.9)
    assert rust.precision is not None
    assert rust.precision.value == pytest.approx(6 / 7)
    assert blight.recall is not None
    assert blight.recall.value == pytest.approx(0.75)
    assert found.confusion.counts.tolist() == [[6, 0], [1, 3]]
    assert found.dice is not None
    assert found.dice.leaves == 10  # a leaf without lesions is no part of the mean


def test_severity_is_judged_by_concordance_and_by_bias() -> None:
    exact = figures_of([score(i, severity=i, true=i) for i in range(8)], ("rust",), {}).severity
    shifted = figures_of(
        [score(i, severity=i + 3, true=i) for i in range(8)], ("rust",), {}
    ).severity
    assert exact is not None
    assert shifted is not None
    assert exact.ccc is not None
    assert exact.ccc.value == pytest.approx(1)
    assert shifted.bias is not None
    assert (shifted.bias.value, shifted.bias.low) == (pytest.approx(3), pytest.approx(3))
    assert shifted.ccc is not None
    assert shifted.ccc.high < 0.9
    assert figures_of([score(1, true=None)], ("rust",), {}).severity is None


def test_probabilities_are_held_against_how_often_they_are_right() -> None:
    honest = [score(i, said="rust" if i < 9 else "blight", sure=0.9) for i in range(10)]
    bragging = [score(i, said="rust" if i < 5 else "blight", sure=0.99) for i in range(10)]
    fine, wrong = (figures_of(s, ("rust", "blight"), {}).calibration for s in (honest, bragging))
    assert fine is not None
    assert wrong is not None
    assert fine.error is not None
    assert fine.error.value == pytest.approx(0.0)
    assert wrong.error is not None
    assert wrong.error.value == pytest.approx(0.49)
    assert [(b.leaves, b.right) for b in wrong.bins] == [(10, 0.5)]


def test_a_gain_pairs_the_same_leaves_and_names_those_that_lost() -> None:
    before = [score(i, 0.6 + 0.02 * (i % 10)) for i in range(30)]
    after = [score(i, 0.66 + 0.02 * (i % 10)) for i in range(1, 31)]
    after[0] = score(1, 0.3, said="blight")
    found = gain(before, after, {})
    assert found.dice is not None
    assert found.dice.leaves == 29
    assert found.dice.above_zero
    assert [c.image for c in found.worse()] == [1]
    assert found.worse(above=0.7) == ()
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(-1 / 29)
    assert not found.accuracy.above_zero


def test_noise_is_no_gain() -> None:
    rng = np.random.default_rng(2)
    before = [score(i, float(d)) for i, d in enumerate(rng.uniform(0.5, 0.9, 40))]
    shaken = [(s.dice or 0) + e for s, e in zip(before, rng.normal(0, 0.05, 40), strict=True)]
    after = [score(i, float(np.clip(d, 0, 1))) for i, d in enumerate(shaken)]
    found = gain(before, after, {})
    assert found.dice is not None
    assert not found.dice.above_zero


def plants(leaves: int, each: int) -> dict[ImageId, str]:
    return {ImageId(i): f"plant {i // each}" for i in range(leaves)}


def test_leaves_of_one_plant_count_together_and_make_a_figure_less_sure() -> None:
    """Ten plants, each with leaves that are all alike: eighty leaves tell no more than ten."""
    rng = np.random.default_rng(4)
    alike = np.repeat(rng.uniform(0.4, 0.9, 10), 8)
    scores = [
        score(i, float(d), said="rust" if d > 0.6 else "blight", severity=20 * d, true=15.0)
        for i, d in enumerate(alike)
    ]
    alone = figures_of(scores, ("rust", "blight"), {})
    together = figures_of(scores, ("rust", "blight"), plants(80, 8))
    assert (alone.groups, together.groups, together.leaves) == (0, 10, 80)

    def width(found) -> float:
        return found.high - found.low

    assert width(together.dice) > 2 * width(alone.dice)
    assert width(together.accuracy) > 2 * width(alone.accuracy)
    assert width(together.severity.bias) > 2 * width(alone.severity.bias)
    assert width(together.calibration.error) > 2 * width(alone.calibration.error)
    assert together.dice.value == alone.dice.value
    assert together.dice.leaves == 80


def test_groups_of_one_leaf_change_nothing() -> None:
    rng = np.random.default_rng(5)
    scores = [score(i, float(d)) for i, d in enumerate(rng.uniform(0, 1, 30))]
    assert figures_of(scores, (), plants(30, 1)).dice == figures_of(scores, (), {}).dice
    assert figures_of(scores, (), plants(30, 1)).groups == 0


def test_a_gain_on_many_leaves_of_few_plants_is_no_proof() -> None:
    """Three plants, two of which gained: sixty leaves make it no surer."""
    before = [score(i, 0.5) for i in range(60)]
    after = [score(i, 0.7 if i < 40 else 0.45) for i in range(60)]
    alone, together = gain(before, after, {}), gain(before, after, plants(60, 20))
    assert alone.dice is not None
    assert together.dice is not None
    assert alone.dice.above_zero
    assert not together.dice.known
    assert not together.dice.above_zero
