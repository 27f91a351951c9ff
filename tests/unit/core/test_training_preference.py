"""Preferring the outlined mask to the drawn one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from core.training.config import Stage
from core.training.preference import Preference, preference_loss
from core.training.recipe import Recipe
from tests.drawn_run import SETTINGS, drawn_run


def likelihood(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Bernoulli log-likelihood of a mask, a pixel."""
    return torch.where(mask, functional.logsigmoid(logits), functional.logsigmoid(-logits))


def test_the_loss_is_that_of_the_paper_over_the_disputed_pixels() -> None:
    torch.manual_seed(0)
    logits, reference = torch.randn(3, 6, 6), torch.randn(3, 6, 6)
    outlined = torch.rand(3, 6, 6) > 0.5
    drawn = reference > 0
    ratio = (likelihood(logits, outlined) - likelihood(reference, outlined)) - (
        likelihood(logits, drawn) - likelihood(reference, drawn)
    )
    disputed = outlined != drawn
    wanted = [
        -functional.logsigmoid(0.1 * r[d].mean()) for r, d in zip(ratio, disputed, strict=True)
    ]
    found = preference_loss(logits, reference, outlined, beta=0.1)
    assert found.tolist() == pytest.approx([float(w) for w in wanted], abs=1e-6)


def test_it_begins_at_log_two_and_pushes_disputed_pixels_alone() -> None:
    reference = torch.tensor([[[2.0, -2.0, 3.0]]])
    outlined = torch.tensor([[[True, True, False]]])
    logits = reference.clone().requires_grad_()
    loss = preference_loss(logits, reference, outlined, beta=0.1)
    assert loss.item() == pytest.approx(math.log(2))
    loss.sum().backward()
    assert logits.grad is not None
    agreed, missed, invented = logits.grad[0, 0]
    assert agreed == 0
    assert missed < 0, "a missed pixel's logit rises"
    assert invented > 0, "an invented pixel's logit falls"


def test_a_mask_drawn_as_it_is_outlined_teaches_nothing() -> None:
    reference = torch.tensor([[[2.0, -2.0]]])
    logits = (reference + 1).requires_grad_()
    loss = preference_loss(logits, reference, reference > 0, beta=0.1)
    loss.sum().backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_frozen_copy_draws_no_more_photos_at_once_than_a_step_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory ran out a run takes smaller bites; it would run out again before its first."""
    config = replace(SETTINGS, stage=Stage.PREFERENCE, batch_size=2)
    recipe = Recipe(drawn_run(tmp_path / "run", settings=config), lambda _: None, lambda: False)
    bites: list[int] = []
    real = Preference.converse

    def counted(self: Preference, visits):
        bites.append(len(visits))
        return real(self, visits)

    monkeypatch.setattr(Preference, "converse", counted)
    recipe.setup()
    assert max(bites) == 2
    assert sum(bites) == 15
