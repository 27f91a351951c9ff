"""Which checkpoint becomes the adapter."""

from __future__ import annotations

import pytest

from core.domain.ids import ImageId, RunId
from core.domain.run import Score
from core.training.looking import Merit, merit


def score(image: int, dice: float | None, predicted: str, truth: str | None = "rust") -> Score:
    return Score(RunId("r"), ImageId(image), "val", dice, (), truth, predicted, (), 0.0, None, "")


def test_the_merit_is_accuracy_and_dice_over_what_is_known_of_each() -> None:
    found = merit([score(1, 0.5, "rust"), score(2, None, "blight"), score(3, 1.0, "x", None)])
    assert found.figure == pytest.approx(0.5 + 0.75)
    assert found.error == pytest.approx((0.25 / 2 + 0.0625 / 2) ** 0.5)
    assert merit([]) == (0.0, 0.0)


def test_a_later_checkpoint_stays_unless_it_is_clearly_worse() -> None:
    assert Merit(1.70, 0.06).replaces(1.75)
    assert not Merit(1.68, 0.06).replaces(1.75)
