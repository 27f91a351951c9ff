"""A run ends when it should, and the learning rate follows."""

from __future__ import annotations

import pytest

from core.training.config import TrainConfig
from core.training.schedule import Schedule


def schedule(**settings: float) -> Schedule:
    return Schedule(TrainConfig(**settings), steps_per_epoch=10)  # type: ignore[arg-type]


def test_a_run_ends_by_epochs_or_by_minutes_whichever_comes_first() -> None:
    plan = schedule(epochs=2, minutes=10)
    assert plan.progress(20, 0) == 1
    assert plan.progress(1, 600) == 1
    assert plan.progress(10, 60) == 0.5


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    plan = schedule(epochs=1, minutes=1)
    factors = [plan.factor(p / 100) for p in range(101)]
    top = factors.index(max(factors))
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert factors[-1] == pytest.approx(0, abs=1e-9)


def test_the_end_is_foretold_from_the_pace_so_far() -> None:
    plan = schedule(epochs=10, minutes=100)
    assert plan.eta(25, 50.0) == pytest.approx(150.0)
    assert plan.expected_steps(25, 50.0) == 100
    assert plan.eta(0, 0.0) == 6000.0
