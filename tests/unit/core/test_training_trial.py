"""A rehearsal of a run says what would go wrong, and says nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import TrainingRefused
from core.training import events, trial
from core.training.config import TrainConfig
from core.training.trial import Trial
from tests.drawn_run import SETTINGS, drawn_run

Rehearsed = dict[str, events.Examined]
QUICK = replace(SETTINGS, recompute=True, batch_size=2)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "OVERFIT_STEPS", 12)


@pytest.fixture
def rehearsed(tmp_path: Path) -> Callable[[TrainConfig], Rehearsed]:
    def rehearse(settings: TrainConfig = QUICK, change: Callable[[Trial], None] | None = None):
        told: list[events.TrainEvent] = []
        one = Trial(drawn_run(tmp_path / "run", settings=settings), told.append, lambda: False)
        if change is not None:
            change(one)
        one.examine()
        return {e.id: e for e in told if isinstance(e, events.Examined)}

    return rehearse


def test_a_run_that_would_go_well_has_no_red_line(rehearsed) -> None:
    found = rehearsed()
    assert {e.level for e in found.values()} == {"ok"}, [
        e for e in found.values() if e.level != "ok"
    ]
    assert list(found) == [
        "seg", "types", "labels", "states", "steps.memory", "steps.time", "targets.language",
        "targets.tower", "targets.projector", "targets.rows", "targets.head", "gradients",
        "by_heart",
    ]  # fmt: skip


def test_the_words_that_are_learnt_are_the_answer_to_its_very_end(rehearsed) -> None:
    spans = rehearsed()["labels"].spans
    learnt = [text for text, on in spans if on]
    assert learnt[0] == "<SEG>"
    assert learnt[-1].endswith("<end_of_turn>")
    assert "".join(learnt)[5:-13].strip() in SETTINGS.classes
    assert ("[photo]", False) in spans
    assert any("name the disease" in text for text, on in spans if not on)


def test_a_part_that_never_learns_is_red(rehearsed, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Trial._backward

    def cut_off(self: Trial, visits) -> float:
        loss = real(self, visits)
        for name, parameter in self.model.parameters().items():
            if trial.part_of(name) == "language":
                parameter.grad = None
        return loss

    monkeypatch.setattr(Trial, "_backward", cut_off)
    found = rehearsed()
    assert found["targets.language"].level == "fail"
    assert found["targets.head"].level == "ok"
    assert found["targets.language"].remedy


def test_wrong_gradients_of_layers_computed_again_are_red(
    rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trial._gradients
    calls: list[int] = []

    def off(self: Trial, visits) -> dict[str, torch.Tensor]:
        calls.append(1)
        found = real(self, visits)
        return {n: g * (0.5 if len(calls) == 1 else 1.0) for n, g in found.items()}

    monkeypatch.setattr(Trial, "_gradients", off)
    assert rehearsed()["gradients"].level == "fail"


def test_a_state_that_generation_does_not_give_is_red(
    rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trial.states_both_ways

    def apart(*args):
        woven, plain = real(*args)
        return woven, plain.roll(1)

    monkeypatch.setattr(trial, "states_both_ways", apart)
    assert rehearsed()["states"].level == "fail"


def test_a_learning_rate_that_teaches_nothing_is_red(rehearsed) -> None:
    dull = replace(QUICK, learning_rate=1e-9, head_learning_rate=1e-9)
    found = rehearsed(dull)["by_heart"]
    assert found.level == "fail"
    assert "learning rate" in found.remedy


def test_what_this_machine_cannot_hold_is_refused_before_it_is_loaded(
    rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import machine

    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(1 << 28, 1 << 28))
    monkeypatch.setattr("core.training.learner.load", lambda _config: pytest.fail("it was loaded"))
    with pytest.raises(TrainingRefused, match="needs about"):
        rehearsed()
