"""Starting from an adapter that the person brings along."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
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

LAYER = "base_model.model.model.language_model.layers.0.self_attn.q_proj"
TOKENS = "base_model.model.model.language_model.embed_tokens.token_adapter.trainable_tokens_delta"
LEARNT = {
    f"{LAYER}.lora_A.weight": np.ones((4, 8), np.float32),
    f"{LAYER}.lora_B.weight": np.ones((8, 4), np.float32),
    TOKENS: np.ones((5, 8), np.float32),
}
"""Of rank 4, on the only layer of the base model there is here."""


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
    save_file(LEARNT, folder / "adapter_model.safetensors")
    save_file({"query.weight": np.ones((4, 4), np.float32)}, folder / "head.safetensors")
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
    fine = np.full((4, 8), np.finfo(np.float32).max)
    save_file(LEARNT | {f"{LAYER}.lora_A.weight": fine}, exported / "adapter_model.safetensors")
    save_file({"query.weight": values}, exported / "head.safetensors")
    listed_anew(exported)
    store = make_project(tmp_path, leaves())
    with pytest.raises(AdapterRefused, match=r"no numbers, the first in query\.weight; copy"):
        prepare_run(store, TrainConfig(), adapter=exported)
    assert not store.runs()
    store.close()


def a_pickle(path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(path.parent.parent / "ran"),)

    path.write_bytes(pickle.dumps(Canary()))


def a_torch_file(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"a": 1}))


def its_beginning(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "head.safetensors"])
@pytest.mark.parametrize("write", [a_pickle, a_torch_file, its_beginning, Path.unlink])
def test_what_only_looks_like_tensors_is_refused_before_anything_is_written(
    exported: Path, tmp_path: Path, write: Callable[[Path], None], name: str
) -> None:
    """It was found once the base model and all photos had been loaded."""
    write(exported / name)
    said = refused(exported, tmp_path)
    assert said == "The adapter's weights cannot be read; copy the whole folder again."
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({f"{LAYER}.lora_A.weight": (5, 8)}, "q_proj"),
        ({f"{LAYER}.lora_A.weight": (4, 9)}, "q_proj"),
        ({f"{LAYER}.lora_B.weight": (9, 4)}, "q_proj"),
        ({f"{LAYER}.lora_B.weight": None}, "q_proj"),
        ({f"{LAYER}.lora_A.weight": None, f"{LAYER}.lora_B.weight": None}, "q_proj"),
        ({LAYER.replace("0", "1") + ".lora_A.weight": (4, 8)}, "layers.1"),
        ({"base_model.model.vision_tower.layers.0.fc1.lora_A.weight": (4, 8)}, "vision_tower"),
        ({LAYER.replace("language", "other") + ".lora_A.weight": (4, 8)}, "other_model"),
        ({f"x.{TOKENS}": (5, 8)}, "trainable_tokens_delta"),
        ({TOKENS: (5, 9)}, "trainable_tokens_delta"),
        ({"base_model.model.projector.weight": (8, 8)}, "projector.weight"),
    ],
    ids=str,
)
def test_tensors_of_another_name_or_shape_are_refused_before_anything_is_written(
    exported: Path, tmp_path: Path, change: dict[str, tuple[int, ...] | None], named: str
) -> None:
    changed = {n: None if s is None else np.ones(s, np.float32) for n, s in change.items()}
    tensors = {n: t for n, t in (LEARNT | changed).items() if t is not None}
    save_file(tensors, exported / "adapter_model.safetensors")
    said = refused(exported, tmp_path)
    assert said.startswith("The adapter does not fit this base model")
    assert named in said


def test_tensors_that_are_no_floats_are_refused(exported: Path, tmp_path: Path) -> None:
    whole = LEARNT | {f"{LAYER}.lora_A.weight": np.ones((4, 8), np.int32)}
    save_file(whole, exported / "adapter_model.safetensors")
    assert "q_proj" in refused(exported, tmp_path)


def refused(folder: Path, home: Path) -> str:
    """The sentence; its manifest is as that of whoever made it on purpose."""
    listed_anew(folder)
    store = make_project(home, leaves())
    with pytest.raises(AdapterRefused) as error:
        prepare_run(store, TrainConfig(), adapter=folder)
    assert not store.runs()
    assert not [*store.folder.glob("runs/*")]
    store.close()
    return str(error.value)


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
