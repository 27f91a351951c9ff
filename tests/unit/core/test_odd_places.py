"""Names and places that systems allow and programs stumble over: each is used, or refused in a
sentence, and costs nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import cli, files
from core.exporters.base import unique_stems
from core.services import bases
from core.services.runs import run_folder
from core.training.run_folder import RunFolder
from storage.projects import open_project
from tests.doubles.projects import leaves, make_project, spotted
from tests.doubles.workers import fake_base, use_doubles

needs_links = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links need rights there")
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit status and everything said."""

    def call(*words: object) -> tuple[int, str]:
        status = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out + said.err

    return call


def circle(path: Path) -> Path:
    path.symlink_to(path.name)
    return path


# Of three bytes a letter, 255 in all: what a draft adds to the name may not be too much.
LONG = "葉" * 83 + ".txt"


def test_a_file_of_the_longest_name_is_written_whole(tmp_path: Path) -> None:
    with files.whole_file(tmp_path / LONG[1:]) as draft:
        draft.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == [LONG[1:]]


def test_a_folder_of_the_longest_name_is_written_whole(tmp_path: Path) -> None:
    with files.whole_folder(tmp_path / LONG[1:]) as draft:
        (draft / "a.txt").write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == [LONG[1:]]


@pytest.mark.parametrize("letter", ["x", "é", "葉", "🍂"])
def test_twins_of_the_longest_name_both_get_one_that_can_be_written(letter: str) -> None:
    name = letter * (251 // len(letter.encode())) + ".jpg"
    stems = unique_stems([name] * 12)
    assert len(set(stems)) == 12
    assert all(len(f"{stem}.png".encode()) <= 255 for stem in stems)
    assert stems[0] == name.removesuffix(".jpg")


def test_a_home_that_nobody_has_is_a_name_like_any_other(run: Run) -> None:
    status, said = run("check", "~nobody-of-that-name/x")
    assert status == 2
    assert "is not a Leafspot project" in said
    assert files.at_home("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")
    assert files.at_home("~/x") == Path.home() / "x"


@needs_links
def test_links_in_a_circle_are_no_model(tmp_path: Path, run: Run) -> None:
    make_project(tmp_path, leaves()).close()
    place = circle(tmp_path / "round")
    status, said = run("preflight", tmp_path / "coffee", "--base", f"gemma-3={place}", "--quick")
    assert status == 2
    assert "There is no model in" in said
    assert bases.fault("gemma-3", place)


def an_adapter(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mine``, made by the training double."""
    use_doubles(monkeypatch, "train", "answer")
    make_project(tmp_path, leaves()).close()
    run("train", tmp_path / "coffee", "--base", f"gemma-3={fake_base(tmp_path / 'base')}")
    run("export-adapter", tmp_path / "coffee", tmp_path / "mine")


@needs_links
def test_a_photo_whose_links_lead_in_a_circle_costs_no_other_its_prediction(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_adapter(tmp_path, run, monkeypatch)
    good = tmp_path / "good.png"
    Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(good)
    bad = circle(tmp_path / "round.png")
    status, said = run("predict", tmp_path / "mine", bad, good, "--out", tmp_path / "out")
    assert status == 1
    assert "leads to no file" in said
    assert "good.png:" in said


def test_predictions_of_photos_with_the_longest_names_are_all_written(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_adapter(tmp_path, run, monkeypatch)
    photos = []
    for folder in ("north", "south"):
        (tmp_path / folder).mkdir()
        photos.append(tmp_path / folder / ("葉" * 83 + ".png"))
        Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(photos[-1])
    status, _ = run("predict", tmp_path / "mine", *photos, "--out", tmp_path / "out")
    assert status == 0
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 2


def test_masks_of_photos_with_the_longest_names_are_all_exported(tmp_path: Path, run: Run) -> None:
    name = "葉" * 83 + ".png"
    store = make_project(tmp_path, [spotted(f"{side}/{name}", "rust") for side in ("n", "s")])
    store.close()
    status, said = run("export", tmp_path / "coffee", "--format", "masks", tmp_path / "out")
    assert status == 0, said
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


@needs_links
def test_a_run_whose_folder_is_a_link_to_itself_is_gone(tmp_path: Path) -> None:
    from core.domain.ids import RunId
    from core.domain.run import Run as Trained
    from core.domain.run import RunState
    from core.errors import TrainingRefused

    store = make_project(tmp_path, leaves(4))
    (store.folder / "runs").mkdir(exist_ok=True)
    circle(store.folder / "runs" / "round")
    store.put_run(Trained(RunId("round"), "x", "starter", RunState.FINISHED, "", "runs/round"))
    with pytest.raises(TrainingRefused, match="is gone"):
        run_folder(store, store.runs()[0])
    store.close()


def test_settings_of_a_run_that_cannot_be_read_are_a_sentence_for_whoever_asks(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_doubles(monkeypatch, "train", "answer")
    make_project(tmp_path, leaves()).close()
    run("train", tmp_path / "coffee", "--base", f"gemma-3={fake_base(tmp_path / 'base')}")
    store = open_project(tmp_path / "coffee", read_only=True)
    folder = RunFolder(store.folder / store.runs()[0].folder)
    store.close()
    folder.config.write_text(json.dumps({"classes": 5}))
    status, said = run("export-adapter", tmp_path / "coffee", tmp_path / "mine")
    assert status == 2
    assert "settings of run" in said
    shutil.rmtree(folder.root)
