"""A prediction is of the very model that is named: an adapter on its own base, or a merged one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from core import adapter_package
from core.errors import AdapterRefused, ModelMissing
from core.services import bases
from core.services.answering import Answerer, Verified
from core.services.export import export_adapter
from core.services.export_merged import export_merged
from core.services.predict import predict
from core.services.train import prepare_run
from core.services.training_session import train
from core.training.config import TrainConfig
from core.training.facts import FACTS, Facts
from core.training.run_folder import RunFolder
from tests.doubles.projects import leaves, make_project
from tests.doubles.workers import fake_base, use_doubles


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    use_doubles(monkeypatch, "train", "answer")
    store = make_project(tmp_path, leaves())
    base = fake_base(tmp_path / "base")
    made = prepare_run(store, TrainConfig(base="gemma-3", base_path=str(base), minutes=1))
    train(store, made, on_event=lambda _event: None)
    store.close()
    return made


@pytest.fixture
def adapter(run: RunFolder, tmp_path: Path) -> Path:
    return export_adapter(run, tmp_path / "adapter").path


@pytest.fixture
def merged(run: RunFolder, adapter: Path, tmp_path: Path) -> Path:
    """As `core.training.merging` leaves one, without a weight that means anything."""
    classes = adapter_package.verify(adapter).classes

    def merge(draft: Path) -> None:
        fake_base(draft)
        (draft / "mask_head").mkdir()
        facts = Facts.of(TrainConfig(base="gemma-3", classes=classes))
        (draft / FACTS).write_text(json.dumps(asdict(facts)), "utf-8")
        (draft / "classes.json").write_text(json.dumps(classes))  # what the double asks for

    whole = tmp_path / "whole"
    return export_merged(run, adapter, whole, merge=merge, verify=lambda _: Verified(1, 0)).path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The base and whether it is a merged model, of each model that is loaded."""
    found: list[tuple[str, bool]] = []

    def answerer(folder: Path, *, base: str = "", merged: bool = False) -> Answerer:
        found.append((base, merged))
        return Answerer(folder, base=base, merged=merged)

    monkeypatch.setattr("core.services.predict.Answerer", answerer)
    return found


def photo(tmp_path: Path) -> list[Path]:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((60, 90, 3), 90, np.uint8)).save(path)
    return [path]


def another_base(folder: Path) -> Path:
    """Of the same family, with other weights."""
    fake_base(folder)
    save_file({"model.embed_tokens.weight": np.ones((16, 8), np.float32)}, folder / "m.safetensors")
    return folder


def digests(folder: Path) -> dict[str, str]:
    return adapter_package.base_digests(folder)


def test_an_adapter_finds_its_own_base_among_those_of_its_family(
    adapter: Path, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    """It was looked for where the last one of the family lay, and the adapter was refused."""
    other = another_base(tmp_path / "other")
    bases.choose(f"gemma-3={other}")
    assert bases.remembered("gemma-3") == str(other)
    predict(adapter, photo(tmp_path), tmp_path / "out")
    assert asked == [(str(tmp_path / "base"), False)]


def test_an_adapter_of_the_embedded_base_keeps_it_after_a_run_on_a_merged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.vlms.base.MODELS", tmp_path / "models")
    embedded = fake_base(tmp_path / "models" / "starter")
    whole = another_base(tmp_path / "whole")
    bases.choose(f"starter={whole}")
    assert bases.home_of(adapter_package.Base("starter", digests(embedded))) == ""
    assert bases.home_of(adapter_package.Base("starter", digests(whole))) == str(whole)


def test_a_base_that_is_nowhere_is_looked_for_where_the_last_one_lay(tmp_path: Path) -> None:
    """So that the refusal names what is there."""
    for name in ("one", "two"):
        bases.choose(f"gemma-3={another_base(tmp_path / name)}")
    assert bases.home_of(adapter_package.Base("gemma-3", {})) == str(tmp_path / "two")
    assert bases.home_of(adapter_package.Base("no such family", {})) == ""


def test_where_bases_lie_is_read_as_an_older_version_wrote_it() -> None:
    bases.remember("gemma-3", "here")
    bases._notes().write_text('{"gemma-3": "there"}')
    assert bases.remembered("gemma-3") == "there"
    bases.remember("gemma-3", "here")
    assert json.loads(bases._notes().read_text()) == {"gemma-3": ["here", "there"]}
    bases._notes().write_text("[]")
    assert bases.remembered("gemma-3") == ""


def test_a_merged_model_predicts_without_a_base(
    merged: Path, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    found = predict(merged, photo(tmp_path), tmp_path / "out")
    assert asked == [("", True)]
    assert len(found.predicted) == 1
    assert (tmp_path / "out" / "predictions.csv").read_text("utf-8").startswith("image,")


def test_a_merged_model_s_card_is_its_own(merged: Path, adapter: Path) -> None:
    card, other = ((folder / "README.md").read_text("utf-8") for folder in (merged, adapter))
    assert "# Leafspot merged model" in card
    assert "nothing else is needed" in card
    for word in ("useless without it", "peft", "manifest.json"):
        assert word in other
        assert word not in card


def test_a_merged_model_that_is_none_is_refused_before_it_is_loaded(
    merged: Path, tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    (merged / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelMissing):
        predict(merged, photo(tmp_path), tmp_path / "out")
    (merged / FACTS).write_text(" " * (adapter_package.MAX_MANIFEST + 1))
    with pytest.raises(AdapterRefused, match="cannot be read"):
        predict(merged, photo(tmp_path), tmp_path / "out")
    assert asked == []
    assert not (tmp_path / "out").exists()
