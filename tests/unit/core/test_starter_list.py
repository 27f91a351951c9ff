"""The shipped list is clean, and a project takes from it without doubles."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pytest

from core import language
from core.domain.disease import LONGEST_NAME, MOST_SYNONYMS, Disease, clash, folded
from core.domain.ids import DiseaseId
from core.services import starter_list
from core.services.starter_list import TABLE, additions, entries, found, of_crops, with_names


def test_the_list_names_its_source_and_date() -> None:
    head = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("#")]
    assert "gd.eppo.int" in " ".join(head)
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", " ".join(head))


def test_every_entry_is_whole() -> None:
    assert len(starter_list.crops()) >= 10
    for crop in starter_list.crops():
        assert 5 <= len(of_crops([crop])) <= 8, crop
    for entry in entries():
        assert re.fullmatch(r"([A-Z0-9]{6})?", entry.eppo), entry
        assert entry.name == entry.name.strip() != ""
        assert len(entry.name) <= LONGEST_NAME
        assert 1 <= len(entry.synonyms) <= MOST_SYNONYMS
    names = [folded(entry.name) for entry in entries()]
    assert len(set(names)) == len(names)


def test_the_whole_list_fits_one_project() -> None:
    made = additions(entries(), [])
    assert len(made) == len(entries())
    for disease in made:
        assert clash(disease, made) == ""
    assert [d.hotkey for d in made[:10]] == [1, 2, 3, 4, 5, 6, 7, 8, 9, None]


def test_what_the_project_has_is_not_added_again() -> None:
    rust = Disease(DiseaseId(1), "My rust", "#e69f00", hotkey=1, synonyms=("coffee leaf  RUST",))
    made = additions(of_crops(["coffee"]), [rust])
    assert "Coffee leaf rust" not in [d.name for d in made]
    assert all(d.hotkey != 1 and d.crop == "coffee" for d in made)
    assert additions(of_crops(["coffee"]), [rust, *made]) == []


def test_a_synonym_code_or_crop_finds_the_disease() -> None:
    made = additions(entries(), [])
    assert found(made, "ROYA DEL")[0].name == "Coffee leaf rust"
    assert found(made, "phakpa")[0].name == "Asian soybean rust"
    assert found(made, "clr")[0].name == "Coffee leaf rust"
    assert {d.crop for d in found(made, "grapevine")} == {"grapevine"}
    assert found(made, "no such thing") == []


def test_typed_synonyms_are_tidied() -> None:
    rust = Disease(DiseaseId(1), "Rust", "#e69f00")
    assert with_names(rust, " roya ; Roya,, rust , leaf  rust").synonyms == ("roya", "leaf rust")


def test_a_renamed_disease_is_found_by_its_old_name() -> None:
    rust = Disease(DiseaseId(1), "Rust", "#e69f00", synonyms=("roya",))
    renamed = rust.renamed("Coffee rust")
    assert renamed.synonyms == ("roya", "Rust")
    assert renamed.renamed("Rust").synonyms == ("roya", "Coffee rust")


@pytest.fixture
def portuguese() -> Iterator[None]:
    language.use("pt_BR")
    yield
    language.use("en")


@pytest.mark.usefixtures("portuguese")
def test_every_disease_and_crop_has_a_name_of_its_own_in_portuguese() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert all(row["name_pt_BR"].strip() and row["crop_pt_BR"].strip() for row in rows)
    names = [folded(entry.name) for entry in entries()]
    assert len(set(names)) == len(names) == len(rows)
    assert "café" in starter_list.crops()
    assert len(starter_list.crops()) == len({row["crop"] for row in rows})


@pytest.mark.usefixtures("portuguese")
def test_a_disease_with_a_portuguese_name_is_found_by_its_english_one() -> None:
    made = additions(of_crops(["café"]), [])
    rust = found(made, "Coffee leaf rust")[0]
    assert (rust.name, rust.crop, rust.eppo) == ("Ferrugem-do-cafeeiro", "café", "HEMIVA")
    assert rust.is_called("coffee leaf rust")
    assert rust.is_called("ferrugem do cafeeiro")
    assert rust.synonyms[0] == "Hemileia vastatrix"


@pytest.mark.usefixtures("portuguese")
def test_the_whole_list_fits_one_project_in_portuguese() -> None:
    made = additions(entries(), [])
    assert len(made) == len(entries())
    for disease in made:
        assert clash(disease, made) == ""


def test_what_a_project_has_under_its_english_name_is_not_added_again_in_portuguese() -> None:
    english = additions(of_crops(["coffee"]), [])
    language.use("pt_BR")
    try:
        assert additions(of_crops(["café"]), english) == []
    finally:
        language.use("en")


def test_a_language_without_columns_has_the_english_names() -> None:
    language.use("pseudo")
    try:
        assert {entry.name for entry in entries()} == {entry.english for entry in entries()}
    finally:
        language.use("en")
