"""A rehearsal and a preflight are of the training that is meant, not of one like it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import TrainingRefused, UsageError
from core.services import bases, rehearsal
from core.services.checks import Level
from core.services.preflight import preflight
from core.training.config import Answers, TrainConfig
from tests.doubles.projects import Leaf, leaves, make_project
from tests.doubles.workers import fake_base

NAMED = [Leaf(f"{k}.png", ("rust", "scab")[k % 2]) for k in range(12)]
"""Leaves with a disease and no lesion outlined."""


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    folder = fake_base(tmp_path / "base")
    return TrainConfig(base="gemma-3", base_path=str(folder), minutes=1)


def test_a_control_needs_no_outlines(tmp_path: Path, config: TrainConfig) -> None:
    store = make_project(tmp_path, [*NAMED, Leaf("bare.png", known=True)])
    with pytest.raises(TrainingRefused, match="No lesion is outlined"):
        rehearsal.prepare(store, config, tmp_path)
    run = rehearsal.prepare(store, replace(config, answers=Answers.CLASS), tmp_path)
    store.close()
    assert TrainConfig.read(run.config).answers is Answers.CLASS
    samples = run.read_samples()
    assert samples
    assert all(s.disease for s in samples), "a leaf without a disease teaches it nothing"


def test_a_control_is_not_asked_for_masks_before_it_starts(
    tmp_path: Path, config: TrainConfig
) -> None:
    store = make_project(tmp_path, NAMED)
    base = bases.choose(f"gemma-3={config.base_path}")
    masks = preflight(store, base, config)
    control = preflight(store, base, replace(config, answers=Answers.CLASS))
    store.close()
    assert any("No lesion is outlined" in c.text for c in masks if c.level is Level.FAIL)
    by_id = {c.id: c for c in control}
    assert [c for c in control if c.level is Level.FAIL] == []
    assert "the disease alone and no masks" in by_id["settings"].text
    assert {i for i in by_id if i.startswith("data.")} == {"data.held_out", "data.twins"}


def test_what_a_training_would_refuse_a_rehearsal_refuses(
    tmp_path: Path, config: TrainConfig
) -> None:
    store = make_project(tmp_path, leaves())
    with pytest.raises(UsageError, match="leave the choice out"):
        rehearsal.prepare(store, replace(config, image_tokens=280), tmp_path)
    store.close()


def test_a_rehearsal_finds_the_model_of_a_mask_head_where_a_training_does(
    tmp_path: Path, config: TrainConfig
) -> None:
    sam = tmp_path / "sam.pth"
    sam.write_bytes(b"weights")
    bases.remember(bases.head_note("sam"), str(sam))
    store = make_project(tmp_path, leaves())
    run = rehearsal.prepare(store, replace(config, head="sam"), tmp_path)
    store.close()
    assert TrainConfig.read(run.config).head_path == str(sam)
