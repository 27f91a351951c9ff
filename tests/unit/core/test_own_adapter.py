"""Starting from an adapter that the person brings along."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from core import adapter_package
from core.errors import AdapterRefused, UsageError
from core.services.bases import remember
from core.services.own_adapter import insist_on_base, start_from
from core.services.run_titles import title
from core.services.train import prepare_run
from core.training.config import Layers, TrainConfig
from core.training.facts import FACTS, Facts, read_facts
from core.training.run_folder import RunFolder
from tests.doubles.projects import leaves, make_project
from tests.doubles.workers import fake_base


@pytest.fixture
def bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("core.vlms.base.MODELS", tmp_path / "models")
    return fake_base(tmp_path / "models" / "starter")


@pytest.fixture
def exported(tmp_path: Path, bases: Path) -> Path:
    """An adapter of rank 4 on attention alone."""
    config = TrainConfig(
        classes=("healthy", "rust"), healthy="healthy", rank=4, alpha=8, layers=Layers.ATTENTION
    )
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / FACTS).write_text(json.dumps(asdict(Facts.of(config))), "utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"tensors")
    adapter_package.write(
        folder,
        leafspot="0.1.0",
        base=adapter_package.Base("starter", adapter_package.base_digests(bases)),
        classes=config.classes,
        healthy=config.healthy,
        prompts={},
    )
    return folder


def test_the_run_takes_over_the_shape_of_the_adapter_and_keeps_its_own_plan(exported: Path) -> None:
    plan = TrainConfig(rank=16, minutes=3.0, seed=7)
    found = start_from(plan, exported)
    assert (found.rank, found.alpha, found.layers) == (4, 8, Layers.ATTENTION)
    assert (found.minutes, found.seed) == (3.0, 7)


def test_a_run_starts_from_the_base_of_the_adapter_whatever_was_trained_on_last(
    exported: Path, tmp_path: Path
) -> None:
    other = fake_base(tmp_path / "merged")
    (other / "m.safetensors").write_bytes(b"other weights")
    remember("starter", str(other))
    assert start_from(TrainConfig(), exported).base_path == ""


def test_a_base_that_is_named_beside_an_adapter_of_another_is_refused(exported: Path) -> None:
    """The adapter's own was taken without a word."""
    with pytest.raises(UsageError, match="was trained on starter"):
        insist_on_base(exported, "gemma-4")
    insist_on_base(exported, "starter")


def test_the_adapter_is_copied_into_the_run(exported: Path, tmp_path: Path) -> None:
    store = make_project(tmp_path, leaves())
    folder = prepare_run(store, TrainConfig(), adapter=exported)
    shutil.rmtree(exported)
    config = TrainConfig.read(folder.config)
    assert Path(config.parent) == RunFolder(folder.root).start
    assert (folder.start / FACTS).is_file()
    assert "continued" in title(store.runs()[0])
    store.close()


def test_a_changed_adapter_or_another_base_is_refused(
    exported: Path, bases: Path, tmp_path: Path
) -> None:
    (bases / "m.safetensors").write_bytes(b"other weights")
    with pytest.raises(AdapterRefused, match="another copy"):
        start_from(TrainConfig(), exported)
    (exported / FACTS).write_text("{}")
    with pytest.raises(AdapterRefused):
        start_from(replace(TrainConfig()), exported)
    with pytest.raises(AdapterRefused):
        start_from(TrainConfig(), tmp_path)


@pytest.mark.parametrize(
    "odd",
    [
        {"alpha": "8"},
        {"alpha": 0},
        {"rank": 4.5},
        {"image_tokens": 10**9},
        {"image_tokens": -1},
        {"head": ["pixel"]},
        {"base": None},
        {"classes": [["healthy"], ["rust"]]},
    ],
    ids=str,
)
def test_facts_of_another_kind_are_refused_before_a_model_is_built_by_them(
    exported: Path, odd: dict[str, object]
) -> None:
    raw = json.loads((exported / FACTS).read_text("utf-8"))
    (exported / FACTS).write_text(json.dumps(raw | odd), "utf-8")
    with pytest.raises(AdapterRefused, match=r"leafspot\.json cannot be read"):
        read_facts(exported)


def test_facts_nested_without_end_are_refused(exported: Path) -> None:
    (exported / FACTS).write_text("[" * 200_000, "utf-8")
    with pytest.raises(AdapterRefused, match=r"leafspot\.json cannot be read"):
        read_facts(exported)


def test_weights_that_are_no_numbers_are_told_before_a_run_is_prepared(
    exported: Path, tmp_path: Path
) -> None:
    """They were found once base and photos had been loaded."""
    values = np.ones((4, 4), np.float32)
    values[3, 3] = np.nan
    fine = np.full((4, 4), np.finfo(np.float32).max)
    save_file({"a.fine": fine, "b.lora_A": values}, exported / "adapter_model.safetensors")
    listed_anew(exported)
    store = make_project(tmp_path, leaves())
    with pytest.raises(AdapterRefused, match=r"no numbers, the first in b\.lora_A; copy the whole"):
        prepare_run(store, TrainConfig(), adapter=exported)
    assert not store.runs()
    store.close()


def listed_anew(folder: Path) -> None:
    """As whoever trained it would have exported it."""
    known = adapter_package.read_manifest(folder)
    adapter_package.write(
        folder,
        leafspot=known.leafspot,
        base=known.base,
        classes=known.classes,
        healthy=known.healthy,
        prompts=known.prompts,
    )
