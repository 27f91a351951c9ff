"""The sheet shows the leaves nearest to each step, as they are, the same each time."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ExportRefused
from core.exporters import sad, sad_sheet
from core.files import sha256
from core.ports import ImageQuery, ProjectStore
from core.services.export import export_project
from tests.doubles.projects import Leaf, make_project

SIZE = (120, 100)
LEAF = (10, 0, 110, 100)


def sick(name: str, percent: int) -> Leaf:
    """A leaf of 10,000 pixels with one lesion."""
    return Leaf(name, "rust", (("rust", (10, 0, 110, percent)),), leaf=LEAF, size=SIZE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    leaves = [sick("one.png", 1), sick("six.png", 6), sick("five.png", 5), sick("half.png", 50),
              sick("dead.png", 100), Leaf("ok.png", "healthy", known=True)]  # fmt: skip
    made = make_project(tmp_path, leaves)
    yield made
    made.close()


def key(out: Path) -> list[tuple[str, str, str]]:
    with (out / "sad.csv").open(encoding="utf-8") as file:
        return [
            (r["step_percent"], r["severity_percent"], r["photo"]) for r in csv.DictReader(file)
        ]


def test_the_nearest_leaf_stands_for_each_step(store: ProjectStore, tmp_path: Path) -> None:
    out = tmp_path / "sad"
    report = export_project(store, out, format_id="sad")
    assert key(out) == [
        ("1", "1", "one.png"), ("5", "5", "five.png"), ("10", "6", "six.png"),
        ("50", "50", "half.png"),
    ]  # fmt: skip
    assert report.notes[1:] == ("rust: 4 leaves drawn, none near 20 %, 35 %.",)
    with Image.open(out / "sad.png") as sheet:
        assert sheet.size == sad_sheet.PAGE
    assert (out / "sad.pdf").read_bytes().startswith(b"%PDF")


def test_each_disease_has_a_sheet_of_its_own(tmp_path: Path) -> None:
    both = (("rust", (10, 0, 110, 5)), ("blight", (10, 50, 110, 55)))
    unnamed = Leaf("label.png", "blight", (("", (10, 0, 110, 19)),), leaf=LEAF, size=SIZE)
    faint = Leaf("faint.png", "scab", (("scab", (10, 0, 30, 1)),), leaf=LEAF, size=SIZE)
    leaves = [sick("ten.png", 10), unnamed, faint, Leaf("both.png", None, both, LEAF, size=SIZE)]
    store = make_project(tmp_path, leaves, name="mixed")
    out = tmp_path / "sad"
    report = export_project(store, out, format_id="sad")
    with (out / "sad.csv").open(encoding="utf-8") as file:
        drawn = [(r["page"], r["disease"], r["photo"]) for r in csv.DictReader(file)]
    assert drawn == [("1", "blight", "label.png"), ("2", "rust", "ten.png")]
    assert sorted(p.name for p in out.iterdir()) == ["sad.csv", "sad.pdf", "sad_1.png", "sad_2.png"]
    assert (out / "sad.pdf").read_bytes().count(b"/Type /Page\n") == 2
    assert report.notes[1:] == (
        "blight: 1 leaf drawn, none near 1 %, 5 %, 10 %, 35 %, 50 %.",
        "rust: 1 leaf drawn, none near 1 %, 5 %, 20 %, 35 %, 50 %.",
        "scab: no leaf is near any of 1 %, 5 %, 10 %, 20 %, 35 %, 50 %; no sheet.",
        "1 leaf with several diseases is left out: a sheet is of one disease.",
    )
    store.close()


def test_the_sheet_is_the_same_each_time(store: ProjectStore, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_project(store, tmp_path / name, format_id="sad")
    for file in ("sad.png", "sad.pdf", "sad.csv"):
        assert sha256(tmp_path / "one" / file) == sha256(tmp_path / "two" / file), file


def test_the_leaf_is_cut_out_in_its_own_colours(store: ProjectStore) -> None:
    image = store.image(store.image_ids(ImageQuery())[1])
    made = sad.cut_out(store, sad.Candidate(image, 1, 6.0, None))
    with Image.open(store.resolve(image)) as photo:
        assert (made.colour == np.asarray(photo)[:, 10:110]).all()
    dark = (made.tones == sad.LESION_TONE).all(axis=2)
    assert dark.sum() == 600
    assert ((made.tones == sad.LEAF_TONE).all(axis=2) | dark).all()


def test_a_stray_pixel_does_not_make_the_leaf_small(tmp_path: Path) -> None:
    lesions = (("rust", (20, 10, 40, 30)), ("rust", (118, 98, 119, 99)))
    leaf = Leaf("one.png", "rust", lesions, leaf=(10, 0, 60, 60), size=SIZE)
    store = make_project(tmp_path, [leaf], name="speck")
    image = store.image(store.image_ids(ImageQuery())[0])
    made = sad.cut_out(store, sad.Candidate(image, 1, 13.0, None))
    assert made.colour.shape == (60, 50, 3)
    with Image.open(store.resolve(image)) as photo:
        assert (made.colour == np.asarray(photo)[:60, 10:60]).all()
    store.close()


def test_photos_that_have_gone_give_way_to_others(store: ProjectStore, tmp_path: Path) -> None:
    (tmp_path / "photos" / "five.png").unlink()
    (tmp_path / "photos" / "half.png").write_bytes(b"another file")
    report = export_project(store, tmp_path / "sad", format_id="sad")
    assert [row[2] for row in key(tmp_path / "sad")] == ["one.png", "six.png"]
    assert "2 photos could not be read" in report.notes[-1]
    shutil.rmtree(tmp_path / "photos")
    with pytest.raises(ExportRefused, match="put them back"):
        export_project(store, tmp_path / "again", format_id="sad")
    assert not (tmp_path / "again").exists()


def test_a_project_without_diseased_leaves_says_what_is_needed(tmp_path: Path) -> None:
    store = make_project(tmp_path, [Leaf("ok.png", "healthy", known=True)], name="healthy")
    with pytest.raises(ExportRefused, match="outline the leaf"):
        export_project(store, tmp_path / "sad", format_id="sad")
    store.close()


def test_percentages_are_written_as_precisely_as_they_help() -> None:
    assert [sad_sheet.percent(p) for p in (0.53, 9.94, 9.96, 34.6)] == [
        "0.5 %",
        "9.9 %",
        "10 %",
        "35 %",
    ]


def test_a_project_whose_name_breaks_the_line_is_drawn_without_it(tmp_path: Path) -> None:
    made = make_project(tmp_path, [sick("five.png", 5)], name="two\nlines")
    export_project(made, tmp_path / "sad", format_id="sad")
    made.close()
    assert (tmp_path / "sad" / "sad.png").is_file()


def test_it_draws_from_the_chosen_photos_alone_and_says_from_how_many_leaves(
    store: ProjectStore, tmp_path: Path
) -> None:
    one, six, *_ = store.image_ids(ImageQuery())
    report = export_project(store, tmp_path / "some", format_id="sad", only={one, six})
    assert key(tmp_path / "some") == [("1", "1", "one.png"), ("5", "6", "six.png")]
    assert report.images == 2
    assert report.notes[0] == "Drawn from 2 diseased leaves on 2 photos."
    report = export_project(store, tmp_path / "all", format_id="sad")
    assert report.notes[0] == "Drawn from 5 diseased leaves on 6 photos."
