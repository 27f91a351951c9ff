"""A table or masks that come after their photos are taken in, and nobody's own word is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId, new_id
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import RegionKind
from core.ports import ImageQuery, ProjectStore
from core.services.import_images import ImportOptions, ImportReport, plan, run
from storage import create_project
from tests.doubles.decoders import HereDecoder
from tests.faults.photo_files import UPRIGHT_SIZE, write_mask, write_photo

W, H = UPRIGHT_SIZE


class Field:
    """A project whose photos a.jpg, b.jpg and c.jpg came in without a word about them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: ProjectStore = create_project(folder / "leaves.leafspot")
        (folder / "photos" / "plot").mkdir(parents=True)
        (folder / "masks").mkdir()
        for number, name in enumerate("abc"):
            write_photo(folder / "photos" / "plot" / f"{name}.jpg", shade=40 + 30 * number)
        self.rust, self.blight = self.disease("Rust"), self.disease("Blight")
        assert len(self.take().accepted) == 3

    def disease(self, name: str) -> DiseaseId:
        made = Disease(DiseaseId(new_id()), name, "#0072b2")
        self.store.put_disease(made)
        return made.id

    def take(
        self, labels: str = "", names: dict[str, str] | None = None, **more: bool
    ) -> ImportReport:
        table, mapping = self.folder / "later.csv", self.folder / "map.json"
        table.write_text(labels)
        mapping.write_text(json.dumps(names))
        report = run(
            self.store,
            plan([self.folder / "photos"]),
            ImportOptions(
                masks=self.folder / "masks" if names else None,
                mask_map=mapping if names else None,
                labels=table if labels else None,
                create_diseases=more.get("create", False),
            ),
            decoder=HereDecoder(),
        )
        told = len(report.accepted) + len(report.completed) + len(report.refused)
        assert told + report.left == report.total
        assert self.store.check().ok
        return report

    def image(self, name: str) -> LeafImage:
        ids = self.store.image_ids(ImageQuery(text=f"{name}.jpg"))
        return self.store.image(ids[0])

    def say(self, name: str, **values: object) -> None:
        changed = replace(self.image(name), **values)  # type: ignore[arg-type]
        self.store.update_images([changed])

    def mask(self, name: str) -> None:
        values = np.ones((H, W), np.uint8)
        values[4:8, 4:8] = 2
        write_mask(self.folder / "masks" / f"{name}.png", values)

    def lesions(self, name: str) -> list[DiseaseId | None]:
        regions = self.store.regions(self.image(name).id)
        return [r.info.disease for r in regions if r.info.kind is RegionKind.LESION]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    made = Field(tmp_path)
    yield made
    made.store.close()


MAP = {"1": "leaf", "2": "lesion"}


def test_a_table_that_comes_later_labels_the_photos_that_are_there(field: Field) -> None:
    report = field.take(
        "image,disease,group,split,crop,plot\na.jpg,rust,plant 1,val,coffee,3\nb.jpg,Blight,,,,\n"
    )
    a, b, c = (field.image(n) for n in "abc")
    assert (a.disease, a.group, a.split, a.crop) == (field.rust, "plant 1", Split.VAL, "coffee")
    assert a.extra == (("plot", "3"),)
    assert (b.disease, b.group, c.disease) == (field.blight, "plot", None)
    assert [p.name for p in report.completed] == ["a.jpg", "b.jpg"]
    assert [p.name for p, _ in report.duplicates] == ["c.jpg"]
    assert report.known.sentences() == ["Labels of 2 known photos were added."]


def test_what_a_person_said_stays_and_is_counted_and_named(field: Field) -> None:
    field.say("a", disease=field.blight, split=Split.TRAIN)
    report = field.take("image,disease,split\na.jpg,rust,val\nb.jpg,rust,\n")
    a = field.image("a")
    assert (a.disease, a.split) == (field.blight, Split.TRAIN)
    assert field.image("b").disease == field.rust
    assert report.known.sentences() == [
        "Labels of 1 known photo were added, 1 differs from what is there and was left."
    ]
    assert [why for _, why in report.known.differing] == [
        "a.jpg has the disease “Blight” in the project and “Rust” in the table.",
        "a.jpg has the split “train” in the project and “val” in the table.",
    ]
    assert "a.jpg" in [p.name for p, _ in report.duplicates]


def test_the_same_table_again_has_nothing_to_say(field: Field) -> None:
    table = "image,disease,group,plot\na.jpg,rust,plant 1,3\nb.jpg,blight,,\n"
    field.take(table)
    report = field.take(table)
    assert (report.completed, report.known.sentences()) == ([], [])


def test_an_unknown_disease_is_refused_as_for_a_new_photo(field: Field) -> None:
    report = field.take("image,disease\na.jpg,rsut\nb.jpg,rust\n")
    refused = {p.name: why for p, why in report.refused}
    assert refused["a.jpg"].startswith("“rsut” in row 2 of later.csv is no disease of this project")
    assert "a.jpg" not in [p.name for p, _ in report.duplicates]
    assert field.image("b").disease == field.rust


def test_a_new_disease_is_made_only_where_it_is_taken(field: Field) -> None:
    field.say("a", disease=field.rust)
    field.take("image,disease\na.jpg,Canker\nb.jpg,Mildew\n", create=True)
    names = {d.name for d in field.store.diseases()}
    assert "Mildew" in names
    assert "Canker" not in names


def test_masks_that_come_later_outline_what_nobody_has_outlined(field: Field) -> None:
    for name in "abc":
        field.mask(name)
    field.say("a", disease=field.rust)
    field.say("c", mask_known=True)  # somebody said: no lesions
    report = field.take(names=MAP)
    assert field.lesions("a") == [field.rust]
    assert field.lesions("b") == [None]
    assert field.lesions("c") == []
    assert (field.image("a").state, field.image("b").state) == (ImageState.DONE, ImageState.UNSEEN)
    assert report.known.sentences() == [
        "Masks of 2 known photos were added.",
        "1 known photo was outlined already; the masks were left out.",
    ]


def test_lesions_without_a_name_follow_the_label_that_comes_last(field: Field) -> None:
    field.mask("a")
    field.take(names=MAP)
    field.take("image,disease\na.jpg,rust\n")
    assert field.lesions("a") == [field.rust]
    assert field.image("a").state is ImageState.DONE


def test_a_label_given_while_the_import_runs_is_a_persons_own(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    amend = field.store.amend

    def late(images: list[ImageId], decide: object) -> object:
        field.say("a", disease=field.blight)
        return amend(images, decide)  # type: ignore[arg-type]

    monkeypatch.setattr(field.store, "amend", late)
    report = field.take("image,disease\na.jpg,rust\n")
    assert field.image("a").disease == field.blight
    assert len(report.known.differing) == 1


def test_a_failure_leaves_every_photo_of_the_batch_as_it_was(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage import region_rows

    apply, done = region_rows.apply_edit, []

    def fail(*args: object) -> None:
        if done:
            raise RuntimeError("the power went")
        done.append(True)
        apply(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(region_rows, "apply_edit", fail)
    with pytest.raises(RuntimeError):
        field.take("image,disease\na.jpg,rust\nb.jpg,rust\n")
    assert [field.image(n).disease for n in "ab"] == [None, None]


def test_a_photo_that_was_moved_is_found_again_by_importing_it_from_its_new_place(
    field: Field,
) -> None:
    photos, away = field.folder / "photos" / "plot", field.folder / "photos" / "away"
    field.say("a", disease=field.blight)
    away.mkdir()
    (photos / "a.jpg").rename(away / "renamed.jpg")
    assert not field.store.check().ok
    report = field.take("image,disease\nrenamed.jpg,rust\nb.jpg,rust\n")
    a = field.image("renamed")
    assert field.store.resolve(a) == away / "renamed.jpg"
    assert a.disease == field.blight
    assert len(field.store.image_ids(ImageQuery())) == 3
    assert [p.name for p in report.completed] == ["renamed.jpg", "b.jpg"]
    assert [p.name for p, _ in report.duplicates] == ["c.jpg"]
    assert report.known.sentences()[0] == "1 known photo had moved and was found again."


def test_a_second_copy_of_a_photo_that_is_in_its_place_changes_nothing(field: Field) -> None:
    before = field.image("a").path
    (field.folder / "photos" / "a copy.jpg").write_bytes(
        (field.folder / "photos" / "plot" / "a.jpg").read_bytes()
    )
    report = field.take()
    assert field.image("a").path == before
    assert (report.completed, report.known.moved) == ([], 0)


def test_a_photo_whose_file_became_another_is_used_from_where_its_bytes_are(field: Field) -> None:
    photos = field.folder / "photos" / "plot"
    (photos / "a.jpg").rename(photos / "original.jpg")
    write_photo(photos / "a.jpg", shade=200)
    report = field.take()
    assert [p.name for p in report.accepted] == ["a.jpg"]
    assert field.store.resolve(field.image("original")) == photos / "original.jpg"
    assert len(field.store.image_ids(ImageQuery())) == 4
