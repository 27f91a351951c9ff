"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import files


def test_a_file_that_cannot_be_finished_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    files.write_atomic(path, b"old")
    monkeypatch.setattr(files, "publish", _refuse)
    with pytest.raises(OSError, match="no"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def _refuse(draft: Path, final: Path) -> None:
    raise OSError("no")


def test_a_virus_scanner_that_holds_the_file_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refusals, waits = Path.replace, [5, 32, 33], []

    def held(self: Path, target: Path) -> Path:
        if refusals:
            error = OSError("in use")
            error.winerror = refusals.pop()  # type: ignore[attr-defined]
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    monkeypatch.setattr(files.time, "sleep", waits.append)
    files.write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert len(waits) == 3


def test_other_refusals_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, target: Path) -> Path:
        raise PermissionError("never")

    monkeypatch.setattr(Path, "replace", refused)
    monkeypatch.setattr(files.time, "sleep", pytest.fail)
    with pytest.raises(PermissionError):
        files.write_atomic(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["Field 3", "Field 3.leafspot"])
def test_a_project_folder_ends_in_leafspot(tmp_path: Path, given: str) -> None:
    folder = files.with_suffix(tmp_path / given)
    assert folder == tmp_path / "Field 3.leafspot"
    assert files.Layout(folder).name == "Field 3"
