"""An import looks at the photos a person meant, once each, in an order a person expects."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.services.import_files import plan, why_missing


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def _names(folder: Path, found: object) -> list[str]:
    return [c.path.relative_to(folder).as_posix() for c in found.files]  # type: ignore[attr-defined]


def test_leaf_2_comes_before_leaf_10(tmp_path: Path) -> None:
    _touch(tmp_path, "leaf_10.jpg", "leaf_2.jpg", "Leaf_1.jpg", "b/1.jpg", "a/11.jpg", "a/9.jpg")
    assert _names(tmp_path, plan([tmp_path])) == [
        "a/9.jpg", "a/11.jpg", "b/1.jpg", "Leaf_1.jpg", "leaf_2.jpg", "leaf_10.jpg",
    ]  # fmt: skip


def test_the_folder_below_the_chosen_one_is_the_group(tmp_path: Path) -> None:
    _touch(tmp_path, "top.jpg", "plot 3/plant 7/leaf.jpg")
    assert [c.group for c in plan([tmp_path]).files] == ["plot 3/plant 7", ""]


def test_hidden_things_projects_and_other_files_are_passed_by(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg", ".b.jpg", "._a.jpg", ".trash/c.jpg", "__MACOSX/a.jpg")
    _touch(tmp_path, "leaves.leafspot/thumb.jpg", "labels.csv", "notes.txt")
    found = plan([tmp_path])
    assert _names(tmp_path, found) == ["a.jpg"]
    assert found.passed_over == 2


def test_the_folder_of_masks_is_not_photos(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png", "masks/a.png")
    assert _names(tmp_path, plan([tmp_path], leave_out=[tmp_path / "masks"])) == ["a.png"]


def test_what_is_named_twice_is_taken_once_and_outright_names_always_count(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg", "notes.txt")
    found = plan([tmp_path, tmp_path / "a.jpg", tmp_path / "notes.txt", tmp_path / "none.jpg"])
    assert _names(tmp_path, found) == ["a.jpg", "notes.txt"]
    assert found.missing == (tmp_path / "none.jpg",)
    assert found.total == 3


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_that_run_in_circles_end(tmp_path: Path) -> None:
    _touch(tmp_path, "in/a.jpg")
    (tmp_path / "in/loop").symlink_to(tmp_path)
    (tmp_path / "in/dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert _names(tmp_path, plan([tmp_path])) == ["in/a.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_in_the_folder_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert plan([tmp_path]).files == ()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_whose_photo_is_not_there_is_told(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jpg")
    for name, target in (("gone.jpg", "x.jpg"), ("loop.jpg", "loop.jpg"), ("notes.txt", "none")):
        (tmp_path / name).symlink_to(target)
    found = plan([tmp_path, tmp_path / "gone.jpg"])
    assert _names(tmp_path, found) == ["a.jpg"]
    assert found.missing == (tmp_path / "gone.jpg", tmp_path / "loop.jpg")
    assert all("link that leads to no file" in why_missing(p) for p in found.missing)
    assert why_missing(tmp_path / "none.jpg").startswith("There is no such file or folder")


def test_a_folder_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "a.jpg", "closed/b.jpg")
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        found = plan([tmp_path])
    assert _names(tmp_path, found) == ["a.jpg"]
    assert found.missing == (tmp_path / "closed",)
    assert "may not be read" in why_missing(tmp_path / "closed")
