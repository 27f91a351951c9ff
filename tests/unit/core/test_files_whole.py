"""A result is there whole or not at all, and the reason is a sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from core import files
from core.errors import DiskFull, ExportRefused, UserError


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_when_it_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with files.whole_file(target) as draft:
        draft.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"
    assert names(target.parent) == ["a.txt"]


def test_a_failure_leaves_the_file_before_it(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("before")

    def fail() -> None:
        with files.whole_file(target) as draft:
            draft.write_text("half")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert target.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_appears_when_it_is_finished(tmp_path: Path) -> None:
    with files.whole_folder(tmp_path / "out") as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "a.txt").write_text("x")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "x"
    assert names(tmp_path) == ["out"]


def test_a_process_that_ends_in_the_middle_takes_its_drafts_along(tmp_path: Path) -> None:
    def write() -> None:
        with (
            files.whole_folder(tmp_path / "out") as folder,
            files.whole_file(tmp_path / "a.txt") as file,
        ):
            (folder / "half.txt").write_text("x")
            file.write_text("x")
            assert len(names(tmp_path)) == 2
            files.drop_drafts()
            assert names(tmp_path) == []

    with pytest.raises(UserError):
        write()
    files.drop_drafts()
    assert names(tmp_path) == []


def test_an_empty_folder_may_be_filled_and_a_full_one_may_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with files.whole_folder(tmp_path / "empty") as draft:
        (draft / "a.txt").write_text("x")
    assert names(tmp_path / "empty") == ["a.txt"]
    with (
        pytest.raises(ExportRefused, match="not empty"),
        files.whole_folder(tmp_path / "empty") as draft,
    ):
        (draft / "b.txt").write_text("x")
    assert names(tmp_path / "empty") == ["a.txt"]


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DiskFull, "disk is full"),
        (errno.EFBIG, DiskFull, "disk is full"),
        (errno.EROFS, ExportRefused, "may not be written"),
        (errno.EACCES, ExportRefused, "may not be written"),
        (errno.EIO, ExportRefused, "choose another place"),
    ],
)
def test_the_systems_refusals_are_sentences(
    tmp_path: Path, number: int, kind: type[UserError], words: str
) -> None:
    with pytest.raises(kind, match=words), files.told(tmp_path / "x"):
        raise OSError(number, "the system's words")


def test_space_is_looked_for_where_the_folder_will_be(tmp_path: Path) -> None:
    files.need_space(tmp_path / "not" / "there", 1, what="This")
    with pytest.raises(DiskFull, match=r"This needs about .* free disk space"):
        files.need_space(tmp_path / "not" / "there", 1 << 60, what="This")


def test_sizes_read_as_file_managers_show_them() -> None:
    assert files.size_text(999) == "999 bytes"
    assert files.size_text(1500) == "1.5 kB"
    assert files.size_text(12_400_000) == "12 MB"
    assert files.size_text(3.25e9) == "3.2 GB"
