"""The tables say what was measured, in a form that R reads without a word of advice."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.calibration import measured
from core.domain.ids import ImageId
from core.domain.scale import HORSFALL_BARRATT, PUBLISHED, Scales
from core.ports import ImageQuery, ProjectStore
from core.services.export import export_project
from tests.doubles.projects import Leaf, make_project, spotted

Row = dict[str, str]
PATCH = (40, 10, 44, 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    both = Leaf(
        "both, é.png", "rust",
        (("rust", (10, 10, 20, 18)), ("blight", PATCH), ("rust", (50, 30, 52, 32))),
        group="=1+1",
    )  # fmt: skip
    made = make_project(
        tmp_path,
        [
            both, spotted("one.png", "rust"), Leaf("ok.png", "healthy", known=True),
            Leaf("new.png", leaf=None, known=False), Leaf("leaf only.png", "rust", known=False),
            Leaf("no leaf.png", "rust", (("", PATCH),), leaf=None),
        ],
    )  # fmt: skip
    yield made
    made.close()


def image(store: ProjectStore, name: str) -> ImageId:
    return next(
        i for i in store.image_ids(ImageQuery()) if store.image(i).path.endswith(f"/{name}")
    )


def tables(store: ProjectStore, out: Path) -> tuple[list[Row], list[Row]]:
    export_project(store, out, format_id="severity")
    read = []
    for name in ("severity.csv", "lesions.csv"):
        with (out / name).open(encoding="utf-8", newline="") as file:
            read.append(list(csv.DictReader(file)))
    return read[0], read[1]


def of(rows: list[Row], photo: str) -> list[Row]:
    return [row for row in rows if row["photo"] == photo]


def test_there_is_a_row_for_each_leaf_and_disease(store: ProjectStore, tmp_path: Path) -> None:
    severity, _ = tables(store, tmp_path / "out")
    both = {row["disease"]: row for row in of(severity, "both, é.png")}
    assert set(both) == {"rust", "blight"}
    rust, blight = both["rust"], both["blight"]
    assert (rust["leaf"], rust["leaf_area_px"], rust["disease_area_px"]) == ("1", "2240", "84")
    assert float(rust["severity_percent"]) == pytest.approx(100 * 84 / 2240, abs=1e-4)
    assert float(blight["severity_percent"]) == pytest.approx(100 * 40 / 2240, abs=1e-4)
    for row in (rust, blight):
        assert float(row["leaf_severity_percent"]) == pytest.approx(100 * 124 / 2240, abs=1e-4)
        assert (row["grade"], row["leaf_grade"]) == ("1", "2")
    assert (rust["lesion_count"], rust["lesion_area_median_px"]) == ("2", "42")
    assert (rust["lesion_area_q1_px"], rust["lesion_area_q3_px"]) == ("23", "61")


def test_what_nobody_has_looked_at_is_empty_and_health_is_zero(
    store: ProjectStore, tmp_path: Path
) -> None:
    severity, lesions = tables(store, tmp_path / "out")
    healthy = of(severity, "ok.png")
    assert {row["disease"] for row in healthy} == {"healthy", "rust", "blight"}
    for row in healthy:
        assert (row["severity_percent"], row["lesion_count"], row["grade"]) == ("0", "0", "0")
    for name in ("new.png", "leaf only.png"):
        (row,) = of(severity, name)
        assert row["severity_percent"] == row["lesion_count"] == row["grade"] == ""
    (bare,) = of(severity, "no leaf.png")
    assert (bare["leaf"], bare["severity_percent"], bare["lesion_count"]) == ("", "", "1")
    assert (bare["disease"], bare["disease_area_px"]) == ("", "40")
    assert len(of(lesions, "no leaf.png")) == 1


def test_a_mean_over_leaves_counts_those_without_the_disease(
    store: ProjectStore, tmp_path: Path
) -> None:
    severity, _ = tables(store, tmp_path / "out")
    blight = {
        row["photo"]: float(row["severity_percent"])
        for row in severity
        if row["disease"] == "blight" and row["severity_percent"]
    }
    assert set(blight) == {"both, é.png", "one.png", "ok.png"}
    assert sum(blight.values()) / len(blight) == pytest.approx(100 * 40 / 2240 / 3, abs=1e-4)


def test_no_leaf_has_a_row_for_a_disease_of_another_crop(
    store: ProjectStore, tmp_path: Path
) -> None:
    crops = {"both, é.png": "Wheat", "one.png": "coffee", "ok.png": "wheat"}
    photos = [store.image(image(store, name)) for name in crops]
    store.update_images(
        [replace(p, crop=crop) for p, crop in zip(photos, crops.values(), strict=True)]
    )
    severity, _ = tables(store, tmp_path / "out")
    named = {name: {row["disease"] for row in of(severity, name)} for name in crops}
    assert named["one.png"] == {"rust"}, "blight has been seen on wheat alone"
    assert named["ok.png"] == {"healthy", "rust", "blight"}


def test_there_is_a_row_for_each_lesion(store: ProjectStore, tmp_path: Path) -> None:
    _, lesions = tables(store, tmp_path / "out")
    rows = of(lesions, "both, é.png")
    assert [row["lesion"] for row in rows] == ["1", "2", "3"]
    assert sum(int(row["area_px"]) for row in rows) == 124
    patch = next(row for row in rows if row["disease"] == "blight")
    assert (patch["centroid_x_px"], patch["centroid_y_px"]) == ("42", "15")
    assert 0 < float(patch["eccentricity"]) < 1
    assert float(patch["perimeter_px"]) == pytest.approx(28, rel=0.1)
    assert patch["area_mm2"] == patch["perimeter_mm"] == ""


def test_a_scale_card_gives_millimetres(store: ProjectStore, tmp_path: Path) -> None:
    card = measured((0.0, 0.0, 40.0, 0.0), 20.0)
    store.put_calibrations({image(store, "one.png"): card})
    severity, lesions = tables(store, tmp_path / "out")
    row = next(r for r in of(severity, "one.png") if r["disease"] == "rust")
    assert (row["mm_per_px"], row["leaf_area_mm2"], row["disease_area_mm2"]) == ("0.5", "560", "20")
    (lesion,) = of(lesions, "one.png")
    assert lesion["area_mm2"] == "20"
    assert float(lesion["perimeter_mm"]) == pytest.approx(float(lesion["perimeter_px"]) / 2, 1e-4)


def test_the_projects_own_scale_grades(store: ProjectStore, tmp_path: Path) -> None:
    store.put_scales(Scales(PUBLISHED, HORSFALL_BARRATT.title))
    severity, _ = tables(store, tmp_path / "out")
    assert {row["scale"] for row in severity} - {""} == {HORSFALL_BARRATT.title}
    grades = {row["disease"]: row["grade"] for row in of(severity, "one.png")}
    assert grades == {"rust": "3", "blight": "1"}


def test_the_files_are_plain(store: ProjectStore, tmp_path: Path) -> None:
    tables(store, tmp_path / "out")
    for name in ("severity.csv", "lesions.csv"):
        raw = (tmp_path / "out" / name).read_bytes()
        assert not raw.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in raw
        assert "é".encode() in raw
        assert b",=1+1," not in raw, "no cell may act as a formula"


def test_every_figure_is_a_number_with_a_point(store: ProjectStore, tmp_path: Path) -> None:
    for table in tables(store, tmp_path / "out"):
        for row in table:
            for name, cell in row.items():
                if cell and name.endswith(("_px", "_mm2", "_mm", "_percent", "eccentricity")):
                    float(cell)
