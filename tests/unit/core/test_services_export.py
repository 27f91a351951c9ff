"""An adapter leaves only after its copy was reloaded; predictions reach every readable photo."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import adapter_package
from core.errors import AdapterRefused, ExportRefused, UsageError
from core.ports import ProjectStore
from core.services import bases, training_session
from core.services.answering import Verified
from core.services.export import export_adapter
from core.services.export_merged import MergedExport, export_merged
from core.services.predict import photos_of, predict, severity_words
from core.services.train import prepare_run
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder
from tests.doubles.projects import leaves, make_project
from tests.doubles.workers import answers, fake_base, use_doubles


@pytest.fixture
def store(tmp_path: Path) -> ProjectStore:
    made = make_project(tmp_path, leaves(), name="Herr Mueller")
    yield made  # type: ignore[misc]
    made.close()


@pytest.fixture
def run(store: ProjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    use_doubles(monkeypatch, "train", "answer")
    folder = fake_base(tmp_path / "base")
    config = TrainConfig(base="gemma-3", base_path=str(folder), minutes=1)
    made = prepare_run(store, config)
    training_session.train(store, made, on_event=lambda _event: None)
    return made


@pytest.fixture
def adapter(run: RunFolder, tmp_path: Path) -> Path:
    return export_adapter(run, tmp_path / "taken away").path


def good(_folder: Path) -> Verified:
    return Verified(1.0, 0.0)


def photo(path: Path, size: tuple[int, int] = (90, 60)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(path)
    return path


# -- adapters


def test_the_package_is_complete_and_verified(run: RunFolder, tmp_path: Path) -> None:
    done = export_adapter(run, tmp_path / "out" / "adapter")
    manifest = adapter_package.verify(done.path)
    assert set(manifest.classes) == {"rust", "scab", "healthy"}
    assert manifest.base.id == "gemma-3"
    assert list(manifest.base.sha256) == ["m.safetensors"]
    assert manifest.prompts["diagnose"]
    assert "README.md" in manifest.files
    assert done.verified == Verified(1.0, 0.0)
    assert [p.name for p in done.path.parent.iterdir()] == ["adapter"]


def test_the_copy_itself_is_reloaded_before_it_is_named(run: RunFolder, tmp_path: Path) -> None:
    seen: list[Path] = []

    def verify(folder: Path) -> Verified:
        seen.append(folder)
        adapter_package.verify(folder)
        assert not (tmp_path / "out").exists()
        return Verified(1.0, 0.0)

    export_adapter(run, tmp_path / "out", verify=verify)
    (folder,) = seen
    assert folder != run.adapter
    assert not folder.exists()


@pytest.mark.parametrize("said", [(0.5, 0.0), (1.0, 0.2), (1.0, float("nan"))])
def test_a_copy_that_answers_otherwise_is_not_exported(
    run: RunFolder, tmp_path: Path, said: tuple[float, float]
) -> None:
    with pytest.raises(ExportRefused, match="does not answer as the run did"):
        export_adapter(run, tmp_path / "out", verify=lambda _folder: Verified(*said))
    assert not (tmp_path / "out").exists()


def test_a_copy_that_cannot_be_loaded_is_not_exported(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, failed="The head does not fit; train again.")
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(AdapterRefused, match="head does not fit"):
        export_adapter(run, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_merged_model_is_reloaded_and_scored_before_it_is_named(
    run: RunFolder, adapter: Path, tmp_path: Path
) -> None:
    seen: list[Path] = []

    def verify(folder: Path) -> Verified:
        seen.append(folder)
        assert not (tmp_path / "whole").exists()
        return Verified(1.0, 0.004)

    made = export_merged(run, adapter, tmp_path / "whole", verify=verify)
    assert made == MergedExport(tmp_path / "whole", Verified(1.0, 0.004))
    assert seen != [made.path]
    assert {"model.safetensors", "README.md"} <= {p.name for p in made.path.iterdir()}


@pytest.mark.parametrize("said", [{"merged_agreement": 0.9}, {"dice_change": 0.011}])
def test_a_merged_model_that_answers_otherwise_is_not_kept(
    run: RunFolder, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict
) -> None:
    answers(monkeypatch, **said)
    with pytest.raises(ExportRefused, match="does not answer as the run did"):
        export_merged(run, adapter, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


@pytest.mark.parametrize("when", ["failed", "refused"])
def test_a_merged_model_that_is_too_large_for_the_card_is_scored_in_the_computers_memory(
    run: RunFolder, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """At full width it has several times the bytes of the 4 bits that were trained."""
    answers(monkeypatch, small_card=when, dice_change=0.003)
    made = export_merged(run, adapter, tmp_path / "whole")
    assert made.verified == Verified(1.0, 0.003)
    answers(monkeypatch, small_card=when, merged_agreement=0.9)
    with pytest.raises(ExportRefused, match="does not answer as the run did"):
        export_merged(run, adapter, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_card_says_what_it_is_and_names_nobody(run: RunFolder, tmp_path: Path) -> None:
    out = export_adapter(run, tmp_path / "out", verify=good).path
    card = (out / "README.md").read_text()
    for word in ("“rust”", "gemma-3", "9 leaves", "3 more were held out", "Dice", "0.75", "icence"):
        assert word in card
    every = "".join(p.read_text(errors="replace") for p in out.iterdir())
    for private in ("leaf_0", str(tmp_path), str(Path.home()), "Mueller"):
        assert private not in every, private


def test_a_folder_in_a_file_of_the_adapter_stops_the_export(run: RunFolder, tmp_path: Path) -> None:
    (run.adapter / "notes.json").write_text(json.dumps({"from": str(tmp_path / "photos")}))
    with pytest.raises(ExportRefused, match="names a folder of this computer"):
        export_adapter(run, tmp_path / "out", verify=good)


def test_nothing_that_can_run_leaves_with_it(run: RunFolder, tmp_path: Path) -> None:
    (run.adapter / "optimizer.pt").write_bytes(b"pickle")
    with pytest.raises(AdapterRefused, match="can run code"):
        export_adapter(run, tmp_path / "out", verify=good)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_has_something_is_left_alone(run: RunFolder, tmp_path: Path) -> None:
    photo(tmp_path / "out" / "mine.png")
    with pytest.raises(ExportRefused, match="not empty"):
        export_adapter(run, tmp_path / "out", verify=good)


def test_a_run_without_adapter_or_scores_says_what_to_do(run: RunFolder, tmp_path: Path) -> None:
    run.scores.unlink()
    with pytest.raises(ExportRefused, match="leafspot score"):
        export_adapter(run, tmp_path / "out")
    run.adapter.rename(tmp_path / "gone")
    with pytest.raises(ExportRefused, match="first checkpoint"):
        export_adapter(run, tmp_path / "out")


# -- predictions


def test_predictions_are_pictures_in_photo_size_and_a_table(adapter: Path, tmp_path: Path) -> None:
    first = photo(tmp_path / "new" / "one.png", (90, 60))
    report = predict(adapter, [first], tmp_path / "out")
    with Image.open(tmp_path / "out" / "masks" / "one.png") as picture:
        assert (picture.mode, picture.size) == ("P", (90, 60))
        values = np.asarray(picture)
    assert set(np.unique(values)) == {0, 1, 2}
    with (tmp_path / "out" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    classes = adapter_package.verify(adapter).classes
    assert list(row) == [
        *("image", "disease", "probability", "severity_percent"),
        *(f"p_{name}" for name in classes),
    ]
    assert row["image"] == str(first)
    assert row["disease"] == classes[0]
    assert sum(float(row[f"p_{n}"]) for n in classes) == pytest.approx(1, abs=1e-4)
    share = (values == 2).sum() / (values > 0).sum()
    assert float(row["severity_percent"]) == pytest.approx(100 * share, abs=1e-3)
    assert report.predicted[0].severity == pytest.approx(100 * share)


def test_a_folder_stands_for_its_photos_and_not_for_earlier_predictions(tmp_path: Path) -> None:
    new = tmp_path / "new"
    for name in ("leaf_10.png", "leaf_2.png", "plot 1/leaf.png", "out/masks/leaf_2.png"):
        photo(new / name)
    (new / "notes.txt").write_text("dry weather")
    (tmp_path / "empty").mkdir()
    alone = photo(tmp_path / "alone.png")
    found = photos_of([alone, new, tmp_path / "empty", tmp_path / "gone.png"], new / "out")
    inside = [new / "leaf_2.png", new / "leaf_10.png", new / "plot 1" / "leaf.png"]
    assert found == [alone, *inside, tmp_path / "empty", tmp_path / "gone.png"]


def test_where_no_leaf_is_found_nobody_is_told_a_severity(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, leafless=["bare.png"])
    report = predict(adapter, [photo(tmp_path / "bare.png")], tmp_path / "out")
    assert report.predicted[0].severity is None
    assert severity_words(report.predicted[0]) == "no leaf found"
    with (tmp_path / "out" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["severity_percent"] == ""


def test_twins_by_name_get_pictures_of_their_own(adapter: Path, tmp_path: Path) -> None:
    photos = [photo(tmp_path / d / "leaf.png", (20 + i, 20)) for i, d in enumerate("abc")]
    predict(adapter, photos, tmp_path / "out")
    sizes = {}
    for path in (tmp_path / "out" / "masks").iterdir():
        with Image.open(path) as picture:
            sizes[path.name] = picture.size
    assert sizes == {"leaf.png": (20, 20), "leaf_2.png": (21, 20), "leaf_3.png": (22, 20)}


def test_photos_that_cannot_be_read_do_not_stop_the_others(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, refuse=["dark.png"], die=["evil.png"])
    text = tmp_path / "text.jpg"
    text.write_text("not a photo")
    names = ("dark.png", "evil.png", "good.png")
    photos = [text, tmp_path / "gone.png", *(photo(tmp_path / n) for n in names)]
    told: list[str] = []
    report = predict(
        adapter, photos, tmp_path / "out", on_photo=lambda p, _found: told.append(p.name)
    )
    assert [p.image.name for p in report.predicted] == ["good.png"]
    reasons = {p.name: why for p, why in report.refused}
    assert set(reasons) == {"text.jpg", "gone.png", "dark.png", "evil.png"}
    assert "too dark" in reasons["dark.png"]
    assert "not a JPEG" in reasons["text.jpg"]
    assert told == [p.name for p in photos]
    assert len((tmp_path / "out" / "predictions.csv").read_text().splitlines()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_costs_its_own_row_alone(adapter: Path, tmp_path: Path) -> None:
    photos = [photo(tmp_path / "odd\udcff.png"), photo(tmp_path / "good.png")]
    report = predict(adapter, photos, tmp_path / "out")
    assert [p.image.name for p in report.predicted] == ["good.png"]
    assert "no text. Rename it." in report.refused[0][1]
    assert "good.png" in (tmp_path / "out" / "predictions.csv").read_text("utf-8")


def test_a_photo_named_like_a_formula_does_nothing_in_a_spreadsheet(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "=HYPERLINK(1).png")
    monkeypatch.chdir(tmp_path)
    predict(adapter, [Path("=HYPERLINK(1).png")], tmp_path / "out")
    assert "\n'=HYPERLINK(1).png," in (tmp_path / "out" / "predictions.csv").read_text("utf-8")


def test_no_photo_is_ever_written_over(adapter: Path, tmp_path: Path) -> None:
    mine = photo(tmp_path / "out" / "masks" / "leaf.png")
    before = mine.read_bytes()
    with pytest.raises(UsageError, match="would be overwritten"):
        predict(adapter, [mine], tmp_path / "out")
    assert mine.read_bytes() == before


def test_an_adapter_that_does_not_match_is_refused_before_anything_is_written(
    adapter: Path, tmp_path: Path
) -> None:
    (adapter / "adapter_model.safetensors").write_bytes(b"weights" * 100 + b"!")
    with pytest.raises(AdapterRefused, match="bytes"):
        predict(adapter, [photo(tmp_path / "a.png")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_does_not_load_is_told_once(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, failed="The base model is not here; install it.")
    with pytest.raises(AdapterRefused, match="install it"):
        predict(adapter, [photo(tmp_path / "a.png")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_base_is_found_again_where_it_was(run: RunFolder, tmp_path: Path) -> None:
    assert bases.remembered("gemma-3") == str(tmp_path / "base")
    assert bases.remembered("unknown") == ""
