"""A photo is taken in whole, with its mask and label, or refused with a reason that helps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId, new_id
from core.domain.image import ImageState, LeafImage, Split
from core.domain.region import Region, RegionKind
from core.errors import ImportRefused, ProjectReadOnly
from core.imaging.decode import decode_rgb
from core.imaging.sample_leaves import write_sample_leaves
from core.importers.mask_folder import Meaning, regions_of
from core.ports import ImageQuery, ProjectStore
from core.services.import_files import project_path
from core.services.import_images import ImportOptions, ImportReport, plan, run
from storage import create_project
from tests.doubles.decoders import HereDecoder
from tests.faults.photo_files import UPRIGHT_SIZE, write_mask, write_photo

W, H = UPRIGHT_SIZE


@dataclass
class Desk:
    """A project and, beside it, a folder of photos with a place for masks."""

    store: ProjectStore
    folder: Path

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    def photo(self, name: str, *, shade: int = 100, orientation: int = 1) -> Path:
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_photo(path, shade=shade, orientation=orientation)

    def mask(self, stem: str, values: np.ndarray) -> Path:
        (self.folder / "masks").mkdir(exist_ok=True)
        return write_mask(self.folder / "masks" / f"{stem}.png", values)

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name

    def run(
        self,
        *,
        labels: str | None = None,
        names: dict[str, str] | None = None,
        create: bool = True,
        cancelled: Callable[[], bool] | None = None,
    ) -> ImportReport:
        options = ImportOptions(
            masks=self.folder / "masks" if names else None,
            mask_map=self.write("map.json", json.dumps(names)) if names else None,
            labels=self.write("labels.csv", labels) if labels else None,
            create_diseases=create,
        )
        report = run(
            self.store, plan([self.photos]), options, cancelled=cancelled, decoder=HereDecoder()
        )
        told = len(report.accepted) + len(report.completed) + len(report.refused)
        assert told + report.left == report.total
        assert self.store.count(ImageQuery()) == len(self.images())
        assert self.store.check().ok
        return report

    def images(self) -> list[LeafImage]:
        return [self.store.image(i) for i in self.store.image_ids(ImageQuery())]

    def regions(self) -> list[Region]:
        return [r for image in self.images() for r in self.store.regions(image.id)]

    def disease(self, name: str) -> Disease:
        return next(d for d in self.store.diseases() if d.name == name)

    def add_disease(self, name: str) -> None:
        self.store.put_disease(Disease(DiseaseId(new_id()), name, "#0072b2"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = create_project(tmp_path / "leaves.leafspot")
    (tmp_path / "photos").mkdir()
    yield Desk(store, tmp_path)
    store.close()


def _values() -> np.ndarray:
    """1 leaf, 2 two spots and a single pixel, 3 one spot."""
    values = np.ones((H, W), np.uint8)
    values[0] = 0
    values[4:8, 4:8] = 2
    values[20:22, 30:40] = 2
    values[12, 12] = 2
    values[25:28, 5:9] = 3
    return values


def test_a_photo_comes_in_with_what_its_file_says(desk: Desk) -> None:
    path = desk.photo("plot 1/leaf.jpg", orientation=6)
    report = desk.run()
    assert report.accepted == [path]
    (image,) = desk.images()
    assert (image.width, image.height, image.orientation) == (W, H, 6)
    assert image.path == "../photos/plot 1/leaf.jpg"
    assert desk.store.resolve(image) == path
    assert image.group == "plot 1"
    assert (image.state, image.split, image.disease) == (ImageState.UNSEEN, Split.AUTO, None)
    assert not image.mask_known
    assert decode_rgb(path, expected_sha256=image.sha256).shape == (H, W, 3)
    assert desk.store.thumbnails([image.id])[image.id].startswith(b"\xff\xd8")


def test_labels_come_from_the_table(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.photo("b.jpg", shade=60)
    desk.run(
        labels="image,disease,group,split,crop,severity_grade\n"
        "a.jpg,Rust,plant 1,val,coffee,3\nb.jpg,healthy,,,,\n"
    )
    a, b = desk.images()
    assert a.disease == desk.disease("Rust").id
    assert (a.group, a.split, a.crop) == ("plant 1", Split.VAL, "coffee")
    assert a.extra == (("severity_grade", "3"),)
    assert b.disease == desk.disease("healthy").id
    assert len(desk.store.diseases()) == 2


def test_a_mask_becomes_regions_pixel_for_pixel(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.mask("a", _values())
    desk.run(
        labels="image,disease\na.jpg,rust\n",
        names={"1": "leaf", "2": "lesion", "3": "Blight"},
    )
    (image,) = desk.images()
    assert image.mask_known
    assert image.state is ImageState.DONE
    regions = desk.regions()
    leaf = [r for r in regions if r.info.kind is RegionKind.LEAF]
    rust = [r for r in regions if r.info.disease == desk.disease("rust").id]
    blight = [r for r in regions if r.info.disease == desk.disease("Blight").id]
    assert (len(leaf), len(rust), len(blight)) == (1, 3, 1)
    assert np.array_equal(leaf[0].mask.to_array(), _values() == 1)
    assert np.array_equal(np.any([r.mask.to_array() for r in rust], axis=0), _values() == 2)
    assert np.array_equal(blight[0].mask.to_array(), _values() == 3)
    assert {r.info.source for r in regions} == {"import"}
    assert sorted(r.mask.area() for r in rust) == [1, 16, 20]


def test_unnamed_lesions_stay_unnamed_without_a_single_disease(desk: Desk) -> None:
    for stem, shade in (("a", 40), ("b", 70)):
        desk.photo(f"{stem}.jpg", shade=shade)
        desk.mask(stem, np.minimum(_values(), 2))
    report = desk.run(labels="image,disease\na.jpg,healthy\n", names={"1": "leaf", "2": "lesion"})
    lesions = [r for r in desk.regions() if r.info.kind is RegionKind.LESION]
    assert len(lesions) == 8
    assert {r.info.disease for r in lesions} == {None}
    assert any("a.jpg is called healthy, but its mask has lesions" in w for w in report.warnings)


def test_a_mask_in_the_stored_size_of_a_turned_photo_is_turned_with_it(desk: Desk) -> None:
    desk.photo("a.jpg", orientation=6)
    upright = np.minimum(_values(), 2)
    desk.mask("a", np.ascontiguousarray(np.rot90(upright, 1)))
    desk.run(names={"1": "leaf", "2": "lesion"})
    lesions = [r.mask.to_array() for r in desk.regions() if r.info.kind is RegionKind.LESION]
    assert np.array_equal(np.any(lesions, axis=0), upright == 2)


def test_an_empty_mask_says_that_there_are_no_lesions(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.mask("a", np.zeros((H, W), np.uint8))
    desk.run(names={"1": "leaf", "2": "lesion"})
    assert desk.images()[0].mask_known
    assert desk.regions() == []


@pytest.mark.parametrize(("side", "regions"), [(20, 100), (64, 1)])
def test_a_few_specks_are_regions_of_their_own_and_a_thousand_share_one(
    side: int, regions: int
) -> None:
    values = np.zeros((side, side), np.uint8)
    values[::2, ::2] = 2
    found = regions_of(values, {2: Meaning(RegionKind.LESION, None)}, ImageId(1))
    assert len(found) == regions
    assert len({r.info.id for r in found}) == regions
    assert np.array_equal(np.any([r.mask.to_array() for r in found], axis=0), values == 2)


def test_a_mask_of_another_size_refuses_its_photo_and_no_other(desk: Desk) -> None:
    small, _ = desk.photo("a.jpg"), desk.photo("b.jpg", shade=50)
    desk.mask("a", np.ones((H, W + 1), np.uint8))
    desk.mask("b", np.ones((H, W), np.uint8))
    report = desk.run(names={"1": "leaf"})
    ((path, reason),) = report.refused
    assert path == small
    assert reason == (
        "Its mask is 49 × 32 pixels, the photo 48 × 32. "
        "Save the mask in the photo's size and import again."
    )
    assert [i.path for i in desk.images()] == ["../photos/b.jpg"]


def test_a_value_that_nobody_named_is_not_lost_in_silence(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.mask("a", _values())
    ((_, reason),) = desk.run(names={"1": "leaf", "2": "lesion"}).refused
    assert "holds the value 3, which the mask map does not name" in reason
    report = desk.run(names={"1": "leaf", "2": "lesion", "3": "background"})
    assert len(report.accepted) == 1


def test_one_mask_is_not_laid_over_two_photos_that_are_called_alike(desk: Desk) -> None:
    desk.photo("plot a/IMG_1.jpg", shade=90)
    desk.photo("plot b/IMG_1.jpg", shade=120)
    desk.photo("plot b/IMG_2.jpg")
    desk.mask("IMG_1", np.minimum(_values(), 2))
    desk.mask("IMG_2", np.minimum(_values(), 2))
    report = desk.run(names={"1": "leaf", "2": "lesion"})
    assert [p.name for p in report.accepted] == ["IMG_2.jpg"]
    assert [p.parent.name for p, _ in report.refused] == ["plot a", "plot b"]
    assert all("IMG_1.png could be of either" in reason for _, reason in report.refused)


def test_copies_of_one_photo_are_no_reason_to_refuse_its_mask(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.photo("backup/a.jpg")
    desk.mask("a", np.minimum(_values(), 2))
    report = desk.run(names={"1": "leaf", "2": "lesion"})
    assert len(report.accepted) == 1
    assert desk.images()[0].mask_known


def test_photos_without_a_mask_are_taken_in_and_counted(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.mask("other", _values())
    report = desk.run(names={"1": "leaf", "2": "lesion", "3": "lesion"})
    assert len(report.accepted) == 1
    assert any(w.startswith("1 photo has no mask") for w in report.warnings)
    assert not desk.images()[0].mask_known


def test_a_table_with_an_unknown_disease_says_what_to_do(desk: Desk) -> None:
    desk.add_disease("rust")
    desk.photo("a.jpg")
    desk.photo("b.jpg", shade=50)
    report = desk.run(labels="image,disease\na.jpg,rsut\nb.jpg,RUST\n", create=False)
    ((path, reason),) = report.refused
    assert path.name == "a.jpg"
    assert reason == (
        "“rsut” in row 2 of labels.csv is no disease of this project (healthy, rust). Correct the "
        "name there, or add the disease to the project, and import again."
    )
    assert [i.path for i in desk.images()] == ["../photos/b.jpg"]
    assert {d.name for d in desk.store.diseases()} == {"healthy", "rust"}


def test_a_new_disease_is_made_only_with_a_photo_that_has_it(desk: Desk) -> None:
    (desk.photos / "a.jpg").write_text("no photo")
    desk.photo("b.jpg")
    desk.run(labels="image,disease\na.jpg,blight\nb.jpg,leaf  Spot\n")
    names = {d.name: d for d in desk.store.diseases()}
    assert set(names) == {"healthy", "leaf Spot"}
    assert names["leaf Spot"].colour != names["healthy"].colour
    assert names["leaf Spot"].hotkey == 1


def test_the_same_photo_twice_is_named_wherever_it_is(desk: Desk) -> None:
    first = desk.photo("a.jpg")
    (desk.photos / "copy.jpg").write_bytes(first.read_bytes())
    report = desk.run()
    assert report.accepted == [first]
    assert report.duplicates == [(desk.photos / "copy.jpg", str(first))]
    assert "The same photo as" in report.refused[0][1]
    again = desk.run()
    assert again.accepted == []
    assert [of for _, of in again.duplicates] == ["../photos/a.jpg"] * 2
    assert len(desk.images()) == 1


def test_a_folder_named_like_a_disease_is_no_plant(desk: Desk) -> None:
    desk.add_disease("rust")
    desk.photo("rust/a.jpg")
    desk.photo("plant 1/b.jpg", shade=50)
    desk.run()
    assert [i.group for i in desk.images()] == ["plant 1", ""]


def test_a_cancelled_import_keeps_what_was_ready(desk: Desk) -> None:
    for n in range(6):
        desk.photo(f"{n}.jpg", shade=40 + 10 * n)
    asked = iter([False, False, True])
    report = desk.run(cancelled=lambda: next(asked))
    assert report.cancelled
    assert (len(report.accepted), report.left, len(desk.images())) == (2, 4, 2)
    assert len(desk.run().accepted) == 4


def test_progress_names_every_photo_and_ends_at_the_total(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.photo("b.jpg", shade=50)
    told: list[tuple[int, int, str]] = []
    run(
        desk.store,
        plan([desk.photos]),
        progress=lambda *step: told.append(step),
        decoder=HereDecoder(),
    )
    assert told == [(0, 2, "a.jpg"), (1, 2, "b.jpg"), (2, 2, "")]


def test_nothing_is_imported_when_map_or_table_are_useless(desk: Desk) -> None:
    desk.photo("a.jpg")
    desk.mask("a", _values())
    for options, sentence in [
        (ImportOptions(masks=desk.folder / "masks"), "Masks need a map"),
        (ImportOptions(labels=desk.write("bad.csv", "photo\na.jpg\n")), "no column “image”"),
        (
            ImportOptions(masks=desk.folder / "masks", mask_map=desk.write("1.json", '{"x": "y"}')),
            "“x” is not a pixel value",
        ),
        (
            ImportOptions(
                masks=desk.folder / "masks", mask_map=desk.write("2.json", '{"3": "blihgt"}')
            ),
            "“blihgt” in 2.json is no disease of this project",
        ),
        (
            ImportOptions(
                masks=desk.folder / "none", mask_map=desk.write("3.json", '{"1": "leaf"}')
            ),
            "no such folder of masks",
        ),
    ]:
        with pytest.raises(ImportRefused, match=sentence):
            run(desk.store, plan([desk.photos]), options, decoder=HereDecoder())
    assert desk.images() == []


def test_a_project_open_to_be_read_is_left_alone(desk: Desk) -> None:
    desk.store.read_only = True
    with pytest.raises(ProjectReadOnly, match="nothing can be imported"):
        run(desk.store, plan([desk.photos]), decoder=HereDecoder())
    desk.store.read_only = False


def test_photos_are_never_touched(desk: Desk) -> None:
    path = desk.photo("a.jpg")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    desk.run()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_photos_beside_the_project_move_with_it_and_others_stay_put(tmp_path: Path) -> None:
    project = tmp_path / "work/leaves.leafspot"
    assert project_path(tmp_path / "work/photos/a.jpg", project) == "../photos/a.jpg"
    assert project_path(project / "photos/a.jpg", project) == "photos/a.jpg"
    assert project_path(tmp_path / "card/a.jpg", project) == (tmp_path / "card/a.jpg").as_posix()


def test_the_sample_leaves_come_in_without_a_word(desk: Desk) -> None:
    write_sample_leaves(desk.folder / "sample", count=10, size=(256, 192))
    sample = desk.folder / "sample"
    report = run(
        desk.store,
        plan([sample / "photos"]),
        ImportOptions(
            masks=sample / "masks",
            mask_map=sample / "map.json",
            labels=sample / "labels.csv",
            create_diseases=True,
        ),
        decoder=HereDecoder(),
    )
    assert (len(report.accepted), report.refused, report.warnings) == (10, [], [])
    for image in desk.images():
        found = {r.info.disease for r in desk.store.regions(image.id)} - {None}
        healthy = image.disease == desk.disease("healthy").id
        assert found == (set() if healthy else {image.disease})
        assert image.captured_at.startswith("2025-")


@pytest.mark.parametrize(
    ("crops", "given", "expected"),
    [
        (("coffee", "coffee", ""), None, "coffee"),
        (("coffee", "tomato"), None, ""),
        (("", ""), None, ""),
        (("coffee",), "tomato", "tomato"),
        (("coffee",), "", ""),
    ],
)
def test_photos_of_a_project_of_one_crop_carry_it(
    desk: Desk, crops: tuple[str, ...], given: str | None, expected: str
) -> None:
    for number, crop in enumerate(crops):
        disease = Disease(DiseaseId(new_id()), f"disease {number}", "#0072b2", crop=crop)
        desk.store.put_disease(disease)
    for name in ("a.jpg", "b.jpg"):
        desk.photo(name, shade=90 if name == "a.jpg" else 110)
    table = desk.write("labels.csv", "image,crop\na.jpg,maize\n")
    options = ImportOptions(labels=table, crop=given)
    run(desk.store, plan([desk.photos]), options, decoder=HereDecoder())
    # What the table says of a photo is nearer to it than what the project is about.
    assert {Path(i.path).name: i.crop for i in desk.images()} == {
        "a.jpg": "maize",
        "b.jpg": expected,
    }
