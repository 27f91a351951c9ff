"""A table's rows find their photos by path, and whatever does not fit is named."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest

from core import spreadsheets
from core.domain.image import Split
from core.errors import ImportRefused
from core.importers.labels_csv import LabelTable, read_labels


def _table(folder: Path, text: str, encoding: str = "utf-8") -> LabelTable:
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return read_labels(path)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_tables_of_any_spreadsheet_are_read(tmp_path: Path, mark: str, encoding: str) -> None:
    lines = ["Image,Disease,group,split,crop,field,", "a.jpg,rust,plant 1,train,coffee,north,"]
    table = _table(tmp_path, "\r\n".join(lines).replace(",", mark) + "\r\n\r\n", encoding)
    (row,) = table.rows
    assert (row.image, row.disease, row.group, row.crop) == ("a.jpg", "rust", "plant 1", "coffee")
    assert row.split is Split.TRAIN
    assert row.extra == (("field", "north"),)
    assert row.number == 2


def test_quoted_cells_keep_their_commas(tmp_path: Path) -> None:
    table = _table(tmp_path, 'image,disease,note\n"a, b.jpg",rust,"dry, hot"\n')
    assert table.rows[0].image == "a, b.jpg"
    assert table.rows[0].extra == (("note", "dry, hot"),)


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("Val", "val"), ("validation", "val"), ("", "auto"), ("test", "ignored")],
)
def test_usual_words_for_splits_are_understood(tmp_path: Path, word: str, split: str) -> None:
    table = _table(tmp_path, f"image,split\na.jpg,{word}\n")
    assert table.rows[0].split == split


def test_an_unknown_split_is_reported_and_kept(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    found = _table(tmp_path, "image,split\na.jpg,holdout\nb.jpg,fold 3\n").match([photo])
    assert found.rows[photo].split is Split.AUTO
    assert ("split", "holdout") in found.rows[photo].extra
    assert any("“holdout” (1 row) is not a split" in p for p in found.problems)
    assert not any("fold 3" in p for p in found.problems)


def test_rows_find_photos_by_the_longest_fitting_path(tmp_path: Path) -> None:
    a, b = tmp_path / "north/leaf.jpg", tmp_path / "south/leaf.jpg"
    table = _table(tmp_path, "image,disease\nsouth/leaf.jpg,rust\nNORTH\\leaf.JPG,blight\n")
    found = table.match([a, b])
    assert (found.rows[a].disease, found.rows[b].disease) == ("blight", "rust")
    assert found.problems == ()


def test_a_name_that_fits_two_photos_labels_neither(tmp_path: Path) -> None:
    photos = [tmp_path / "north/leaf.jpg", tmp_path / "south/leaf.jpg"]
    found = _table(tmp_path, "image,disease\nleaf.jpg,rust\n").match(photos)
    assert found.rows == {}
    assert "row 2: “leaf.jpg” fits 2 photos; write more of the path" in found.problems[0]


def test_a_bare_name_or_a_moved_folder_is_enough_where_it_is_clear(tmp_path: Path) -> None:
    a, b = tmp_path / "photos/one.jpg", tmp_path / "photos/two.jpg"
    found = _table(tmp_path, "image,disease\none,rust\nold/place/two.jpg,blight\n").match([a, b])
    assert (found.rows[a].disease, found.rows[b].disease) == ("rust", "blight")


def test_rows_without_a_photo_and_second_rows_are_named(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    table = _table(tmp_path, "image,disease\na.jpg,rust\na.jpg,blight\ngone.jpg,rust\n,rust\n")
    found = table.match([photo])
    assert found.rows[photo].disease == "rust"
    assert "row 3: “a.jpg” is already in row 2" in found.problems[0]
    assert "1 row named no imported photo: “gone.jpg” (row 4)" in found.problems[1]
    assert "row 5: no image is named" in table.problems[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no column “image”"),
        (b"photo,disease\na.jpg,rust\n", "no column “image”. Name the columns"),
        ("image,disease\nBl\u00e4tt.jpg,rust\n".encode("latin-1"), "not UTF-8 text. Save it as"),
        (b"image,disease,image\na,b,c\n", "two columns “image”"),
        (b"image,disease\n" + b'"' + b"x" * 200_000, "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(ImportRefused, match=sentence):
        read_labels(tmp_path / "labels.csv")


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="table cannot be read"):
        read_labels(tmp_path / "none.csv")


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\x07"])
def test_a_control_character_never_becomes_part_of_a_name(tmp_path: Path, odd: str) -> None:
    with pytest.raises(ImportRefused, match="control character"):
        _table(tmp_path, f"image,disease\na.jpg,ru{odd}st\n")


def test_a_device_or_pipe_is_no_table(tmp_path: Path) -> None:
    """Reading one would never end."""
    with pytest.raises(ImportRefused, match="folder, pipe or device"):
        read_labels(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        with pytest.raises(ImportRefused, match="folder, pipe or device"):
            read_labels(tmp_path / "pipe.csv")


def test_a_name_that_an_export_made_harmless_is_the_old_one_again(tmp_path: Path) -> None:
    (row,) = _table(tmp_path, "image,disease,group\n'=a.jpg,'-rust,'+1\n").rows
    assert (row.image, row.disease, row.group) == ("=a.jpg", "-rust", "+1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("image,disease\n", "no row names an image"),
        ("image,sort of rot\na.jpg,rust\n", "names no disease. Name its columns so"),
    ],
)
def test_a_table_that_says_nothing_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    (problem,) = _table(tmp_path, text).problems
    assert sentence in problem
    assert _table(tmp_path, "image,group\na.jpg,plant 1\n").problems == ()


def test_a_row_of_another_folder_does_not_take_the_photo_that_a_later_row_names(
    tmp_path: Path,
) -> None:
    """Of a table of two folders one was imported, and its leaf got the label of the other's."""
    photo = tmp_path / "south/leaf.jpg"
    table = _table(tmp_path, "image,disease\nnorth/leaf.jpg,rust\nsouth/leaf.jpg,blight\n")
    found = table.match([photo])
    assert found.rows[photo].disease == "blight"
    assert found.problems == (
        "labels.csv: 1 row named no imported photo: “north/leaf.jpg” (row 2).",
    )


def test_of_two_rows_of_other_folders_neither_is_taken(tmp_path: Path) -> None:
    photo = tmp_path / "east/leaf.jpg"
    table = _table(tmp_path, "image,disease\nnorth/leaf.jpg,rust\nsouth/leaf.jpg,blight\n")
    found = table.match([photo])
    assert found.rows == {}
    assert "row 2 and row 3 may each be of “leaf.jpg”" in found.problems[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("leaf.jpg", "Leaf.JPG"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("leaf.jpg", " leaf.jpg"),
        ("leaf.jpg", "leaf.jpg.png"),
        ("back/slash.jpg", "back\\slash.jpg"),
        ("bell.jpg", "bell\x07.jpg"),
        ("'leaf.jpg", "leaf.jpg"),
        ("=leaf.jpg", "'=leaf.jpg"),
        ("a\nb.jpg", "b.jpg"),
    ],
    ids=ascii,
)
def test_names_that_nearly_agree_are_told_apart_by_a_table_that_writes_them_out(
    tmp_path: Path, one: str, other: str
) -> None:
    photos = [tmp_path / one, tmp_path / other]
    out = io.StringIO()
    rows = [*spreadsheets.written([one]), "rust"], [*spreadsheets.written([other]), "blight"]
    csv.writer(out).writerows([["image", "disease"], *rows])
    found = _table(tmp_path, out.getvalue()).match(photos)
    assert [found.rows[photo].disease for photo in photos] == ["rust", "blight"]
    assert found.problems == ()


def test_blanks_that_a_spreadsheet_left_do_not_matter(tmp_path: Path) -> None:
    photo = tmp_path / "a/leaf.jpg"
    found = _table(tmp_path, "image,disease\n a / leaf.jpg ,rust\n").match([photo])
    assert found.rows[photo].disease == "rust"
