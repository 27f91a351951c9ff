"""The names of diseases in tables and maps: found whatever nobody sees of them, and refused where
no person could have meant them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.disease import LONGEST_NAME, clash
from core.errors import ImportRefused
from core.ports import ProjectStore
from core.services.import_diseases import DiseaseBook, UnknownDisease
from core.services.import_masks import mask_source
from storage import create_project

WHERE = "row 2 of labels.csv"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    made = create_project(tmp_path / "p")
    yield made
    made.close()


@pytest.mark.parametrize(
    "name",
    ["rust\u200e", "\ufeffrust", "ru\u00adst", "\u2067rust\u2069", "RUST\u200b", "rust\u00a0"],
    ids=ascii,
)
def test_a_sign_that_nobody_sees_makes_no_second_disease(store: ProjectStore, name: str) -> None:
    book = DiseaseBook(store, create=True)
    rust = book.need("rust", WHERE)
    assert book.need(name, WHERE) is rust


def test_letters_that_differ_make_two(store: ProjectStore) -> None:
    book = DiseaseBook(store, create=True)
    names = ("ferrugem", "ferrúgem", "لکه", "لکة")
    assert len({book.need(name, WHERE).id for name in names}) == 4


def test_a_name_of_letters_that_are_joined_is_kept_as_it_is_written(store: ProjectStore) -> None:
    name = "لکه\u200cبرگی"
    made = DiseaseBook(store, create=True).need(name, WHERE)
    assert made.name == name
    assert not clash(made, store.diseases())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("r" * (LONGEST_NAME + 1), "is longer than the 120 characters"),
        ("very " * 20_000, "is longer than the 120 characters"),
        ("ru\u202est", "cannot be shown"),
        ("ru\x85st\x9b", "cannot be shown"),
    ],
    ids=["long", "very long", "turned round", "control"],
)
def test_a_name_that_no_person_meant_is_refused(store: ProjectStore, name: str, why: str) -> None:
    with pytest.raises(UnknownDisease, match=why) as refused:
        DiseaseBook(store, create=True).need(name, WHERE)
    assert WHERE in str(refused.value)
    assert len(str(refused.value)) < 400
    with pytest.raises(UnknownDisease) as unknown:
        DiseaseBook(store, create=False).need(name, WHERE)
    assert len(str(unknown.value)) < 400


@pytest.mark.parametrize("word", ["healthy", "Healthy"])
def test_healthy_tissue_does_not_become_a_lesion(
    store: ProjectStore, tmp_path: Path, word: str
) -> None:
    """It came in as lesions of the disease “healthy”: severity 100 % on sound leaves."""
    (tmp_path / "masks").mkdir()
    (tmp_path / "map.json").write_text(json.dumps({"0": "background", "1": word, "2": "rust"}))
    with pytest.raises(ImportRefused, match=r"map.json: .* and no lesion\. Call healthy tissue"):
        mask_source(tmp_path / "masks", tmp_path / "map.json", DiseaseBook(store, create=True))
