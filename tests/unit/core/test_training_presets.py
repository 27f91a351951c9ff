"""Recipes of others are kept to the figure, on every base model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.training.config import PRESETS, Layers, Method, Optimiser, TrainConfig

FIGURES: dict[str, dict[str, Any]] = {
    "rank-64": {
        "rank": 64, "alpha": 64, "learning_rate": 5e-5, "layers": Layers.ALL,
        "batch_size": 2, "accumulation": 4, "dropout": 0.0,
    },
    "attention": {
        "rank": 64, "alpha": 16, "dropout": 0.1, "layers": Layers.ATTENTION,
        "learning_rate": 2e-4, "final_rate": 0.0, "clip": 1.0,
    },
    "projector": {
        "rank": 64, "alpha": 128, "learning_rate": 1e-4, "layers": Layers.ALL, "dropout": 0.0,
    },
    "batch-32": {
        "learning_rate": 2e-4, "optimiser": Optimiser.ADAMW_8BIT, "dice_weight": 0.5,
        "bce_weight": 0.0,
    },
}  # fmt: skip
WHOLE = {"rank-64": 8, "attention": 8, "projector": 8, "batch-32": 32}
RECIPES = [p for p in PRESETS if p.published]


def settings(name: str, *, embedded: bool) -> TrainConfig:
    return next(p for p in PRESETS if p.id == name).settings(embedded=embedded)


def test_every_recipe_is_held_to_its_figures() -> None:
    assert {p.id for p in RECIPES} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("embedded", [True, False])
def test_a_recipe_has_its_published_figures_on_every_base(name: str, *, embedded: bool) -> None:
    found = settings(name, embedded=embedded)
    assert {k: getattr(found, k) for k in FIGURES[name]} == FIGURES[name]
    assert found.batch_size * found.accumulation == WHOLE[name]


@pytest.mark.parametrize("name", FIGURES)
def test_a_recipe_keeps_a_large_base_in_four_bits_as_it_was_published(name: str) -> None:
    found = settings(name, embedded=False)
    assert found.method is Method.QLORA_NF4
    assert found.recompute
    assert found.batch_size <= 2


@pytest.mark.parametrize("name", ["leaf", "lesions"])
def test_a_disease_called_as_a_mask_is_refused_before_one_overwrites_the_other(name: str) -> None:
    plain = TrainConfig(classes=("healthy", "rust"), healthy="healthy")
    assert plain.problems() == []
    (sentence,) = replace(plain, classes=("healthy", name)).problems()
    assert "rename it" in sentence
