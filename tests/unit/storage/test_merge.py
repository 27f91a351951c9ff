"""Merging diseases moves every label and outline in one step, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.disease import Disease, DiseaseUse
from core.domain.ids import DiseaseId, ImageId, RunId
from core.domain.run import Run, RunState, Score
from core.errors import ProjectError
from core.ports import ImageQuery, ProjectStore
from core.services.import_diseases import DiseaseBook
from tests.doubles.projects import Leaf, make_project, spotted

OVER = (14, 12, 30, 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    both = Leaf("both.png", "rust", (("rust", (10, 10, 20, 18)), ("leaf rust", OVER)))
    made = make_project(
        tmp_path,
        [
            spotted("a.png", "leaf rust"), spotted("b.png", "rust"), both,
            Leaf("label only.png", "leaf rust", ()), Leaf("ok.png", "healthy", known=True),
        ],
    )  # fmt: skip
    yield made
    made.close()


def named(store: ProjectStore, name: str) -> Disease:
    return next(d for d in store.diseases() if d.name == name)


def labels(store: ProjectStore) -> dict[str, tuple[str, list[str]]]:
    """File name to (photo's disease, its regions' diseases)."""
    names = {d.id: d.name for d in store.diseases()}
    out = {}
    for image in map(store.image, store.image_ids(ImageQuery())):
        own = names[image.disease] if image.disease else ""
        found = [names[r.info.disease] for r in store.regions(image.id) if r.info.disease]
        out[image.path.rpartition("/")[2]] = (own, found)
    return out


def areas(store: ProjectStore) -> list[object]:
    return [store.areas(i) for i in store.image_ids(ImageQuery())]


def test_it_says_how_much_would_change(store: ProjectStore) -> None:
    assert store.disease_use(named(store, "leaf rust").id) == DiseaseUse(2, 2, 3)


def test_labels_and_outlines_follow_and_undo_brings_them_back(store: ProjectStore) -> None:
    before, counted, diseases = labels(store), areas(store), store.diseases()
    gone, into = named(store, "leaf rust"), named(store, "rust")
    merged = store.merge_diseases(gone.id, into.id)
    assert (len(merged.labels), len(merged.regions), len(merged.photos)) == (2, 2, 3)
    after = labels(store)
    assert after["a.png"] == ("rust", ["rust"])
    assert after["both.png"] == ("rust", ["rust", "rust"])
    assert after["label only.png"] == ("rust", [])
    assert after["ok.png"] == before["ok.png"]
    assert named(store, "rust").is_called("Leaf  RUST")
    assert not any(d.name == "leaf rust" for d in store.diseases())
    assert store.check().ok, store.check().problems
    store.take_back(merged.action)
    assert (labels(store), areas(store)) == (before, counted)
    assert store.diseases() == diseases
    assert store.check().ok, store.check().problems


def test_what_the_one_that_stays_lacks_it_takes_over_and_gives_back(store: ProjectStore) -> None:
    gone, into = named(store, "leaf rust"), named(store, "rust")
    store.put_disease(replace(into, hotkey=None, crop="tea"))
    store.put_disease(replace(gone, hotkey=7, eppo="HEMIVA", crop="coffee"))
    before = store.diseases()
    merged = store.merge_diseases(gone.id, into.id)
    after = named(store, "rust")
    assert (after.hotkey, after.eppo, after.crop) == (7, "HEMIVA", "tea")
    store.take_back(merged.action)
    assert store.diseases() == before
    store.do_again(merged.action)
    store.put_disease(replace(named(store, "rust"), hotkey=8, eppo="PUCCTR"))
    store.take_back(merged.action)
    kept, back = named(store, "rust"), named(store, "leaf rust")
    assert (kept.hotkey, kept.eppo) == (8, "PUCCTR"), "given since"
    assert (back.hotkey, back.eppo) == (7, "HEMIVA")


def test_undo_leaves_alone_what_has_been_relabelled_since(store: ProjectStore) -> None:
    merged = store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    other = Disease(DiseaseId(99), "blight", "#000000")
    store.put_disease(other)
    image = next(i for i in merged.labels if store.image(i).path.endswith("only.png"))
    store.update_images([replace(store.image(image), disease=other.id)])
    store.take_back(merged.action)
    assert labels(store)["label only.png"] == ("blight", [])
    assert labels(store)["a.png"] == ("leaf rust", ["leaf rust"])


def test_undo_is_refused_when_the_name_has_been_given_away(store: ProjectStore) -> None:
    merged = store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    rust = named(store, "rust")
    store.put_disease(replace(rust, synonyms=()))
    store.put_disease(Disease(DiseaseId(5), "Leaf rust", "#123456"))
    before = labels(store)
    with pytest.raises(ProjectError, match="already a disease"):
        store.take_back(merged.action)
    assert labels(store) == before


def test_healthy_and_itself_cannot_be_merged(store: ProjectStore) -> None:
    rust, healthy = named(store, "rust").id, named(store, "healthy").id
    for gone, into in ((rust, rust), (rust, healthy), (healthy, rust)):
        with pytest.raises(ProjectError):
            store.merge_diseases(gone, into)
    assert named(store, "rust")


def test_what_a_run_has_scored_keeps_its_names(store: ProjectStore) -> None:
    image = store.image_ids(ImageQuery())[0]
    run = RunId("r1")
    store.put_run(Run(run, "r", "starter", RunState.FINISHED, "2026-01-01T00:00:00", "runs/r1"))
    score = Score(run, ImageId(image), "val", 0.5, (), "leaf rust", "leaf rust",
                  (("leaf rust", 1.0),), 2.0, 2.0, "p.png")  # fmt: skip
    store.put_scores([score])
    store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    assert store.scores(run) == [score]


def test_old_names_in_tables_still_find_the_disease(store: ProjectStore) -> None:
    store.merge_diseases(named(store, "leaf rust").id, named(store, "rust").id)
    store.put_disease(named(store, "rust").renamed("Coffee rust"))
    book = DiseaseBook(store, create=False)
    for name in ("Leaf Rust", "rust", "coffee  rust"):
        found = book.find(name)
        assert found is not None
        assert found.name == "Coffee rust"
    assert book.find("mildew") is None


def test_a_name_finds_one_disease_only(store: ProjectStore) -> None:
    rust = named(store, "rust")
    store.put_disease(replace(rust, synonyms=("roya",)))
    with pytest.raises(ProjectError, match="synonym of “rust”"):
        store.put_disease(Disease(DiseaseId(5), "Roya", "#123456"))
    with pytest.raises(ProjectError, match="already a disease called “leaf rust”"):
        store.put_disease(replace(rust, synonyms=("Leaf rust",)))


def test_crop_and_synonyms_come_back_as_they_were_put(store: ProjectStore) -> None:
    rust = replace(named(store, "rust"), crop="coffee", synonyms=("roya", "ferrugem é"), eppo="X")
    store.put_disease(rust)
    assert named(store, "rust") == rust
