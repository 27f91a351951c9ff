"""What every export format promises, and what each says in its own words."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from core import files, registry
from core.domain.ids import ImageId, new_id
from core.domain.image import LeafImage, Split
from core.domain.region import RegionKind
from core.errors import DiskFull, ExportInTheWay, ExportRefused, UsageError
from core.exporters.base import ExporterSpec, relative_names, unique_stems
from core.geometry import rle
from core.ports import ImageQuery, NewImage, ProjectStore
from core.services import import_images
from core.services.export import export_project, formats
from core.services.import_images import ImportReport
from storage.projects import create_project
from tests.doubles.projects import Leaf, leaves, make_project, spotted

FORMATS = sorted(formats())
OF_LABELS = [f for f in FORMATS if not formats()[f].draws]


def target(tmp_path: Path, format_id: str) -> Path:
    return tmp_path / "out" / f"export{formats()[format_id].suffix}"


def inside(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir()] if folder.exists() else []


@pytest.fixture
def store(tmp_path: Path) -> ProjectStore:
    odd = Leaf("sub/é 1.png", "rust", (("rust", (0, 0, 1, 1)), ("", (30, 2, 63, 47))), leaf=None)
    made = make_project(tmp_path, [*leaves(5), odd, Leaf("bare.png", leaf=None, known=False)])
    yield made  # type: ignore[misc]
    made.close()


def test_the_registry_has_coco() -> None:
    assert "coco" in registry.discover("core.exporters", ExporterSpec)


@pytest.mark.parametrize("format_id", OF_LABELS)
def test_it_holds_the_chosen_photos_alone(
    store: ProjectStore, tmp_path: Path, format_id: str
) -> None:
    out, some = target(tmp_path, format_id), frozenset(store.image_ids(ImageQuery())[1:3])
    report = export_project(store, out, format_id=format_id, only=some)
    assert report.images == 2
    written = [out] if out.is_file() else [p for p in out.rglob("*") if p.is_file()]
    everything = " ".join(p.name + (p.read_text("utf-8") if p.suffix != ".png" else "")
                          for p in written)  # fmt: skip
    for image in store.images(store.image_ids(ImageQuery())):
        name = Path(image.path).stem
        assert (name in everything) == (image.id in some), name
    with pytest.raises(ExportRefused, match="None of the chosen photos"):
        export_project(store, tmp_path / "none", format_id=format_id, only={ImageId(1)})


def test_some_photos_do_not_take_the_place_of_all_unasked(
    store: ProjectStore, tmp_path: Path
) -> None:
    out = target(tmp_path, "coco")
    export_project(store, out, format_id="coco")
    before = out.read_bytes()
    some = store.image_ids(ImageQuery())[:1]
    with pytest.raises(ExportInTheWay, match="more photos than these"):
        export_project(store, out, format_id="coco", only=some)
    assert out.read_bytes() == before
    assert export_project(store, out, format_id="coco", only=some, replace=True).images == 1
    assert export_project(store, out, format_id="coco").images > 1, "all may"


@pytest.mark.parametrize("format_id", FORMATS)
def test_it_says_what_it_loses(format_id: str) -> None:
    spec = formats()[format_id]
    assert spec.loses.endswith(".")
    assert spec.title


@pytest.mark.parametrize("format_id", FORMATS)
def test_nothing_but_the_export_is_left_behind(
    format_id: str, store: ProjectStore, tmp_path: Path
) -> None:
    out = target(tmp_path, format_id)
    report = export_project(store, out, format_id=format_id)
    assert report.path == out
    assert report.images == 7
    assert inside(out.parent) == [out.name]


@pytest.mark.parametrize("format_id", FORMATS)
def test_progress_reaches_its_end(format_id: str, store: ProjectStore, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export_project(
        store,
        target(tmp_path, format_id),
        format_id=format_id,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("format_id", FORMATS)
def test_photos_are_untouched(format_id: str, store: ProjectStore, tmp_path: Path) -> None:
    photos = {p: files.sha256(p) for p in tmp_path.rglob("photos/**/*.png")}
    export_project(store, target(tmp_path, format_id), format_id=format_id)
    assert photos == {p: files.sha256(p) for p in photos}


@pytest.mark.parametrize("format_id", OF_LABELS)
def test_it_works_with_the_photos_gone(format_id: str, store: ProjectStore, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "photos")
    assert export_project(store, target(tmp_path, format_id), format_id=format_id).images == 7


@pytest.mark.parametrize("format_id", FORMATS)
def test_no_folder_of_this_computer_is_named(
    format_id: str, store: ProjectStore, tmp_path: Path
) -> None:
    out = target(tmp_path, format_id)
    export_project(store, out, format_id=format_id)
    written = [out] if out.is_file() else [p for p in out.rglob("*") if p.is_file()]
    assert all(str(tmp_path).encode() not in p.read_bytes() for p in written)


@pytest.mark.parametrize("format_id", FORMATS)
def test_a_full_disk_leaves_what_was_there(
    format_id: str, store: ProjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = target(tmp_path, format_id)
    out.parent.mkdir()
    if formats()[format_id].suffix:
        out.write_text("the one before")
    monkeypatch.setattr(files, "flush", full)
    with pytest.raises(DiskFull, match="disk is full"):
        export_project(store, out, format_id=format_id, replace=True)
    left = inside(out.parent)
    if formats()[format_id].suffix:
        assert left == [out.name]
        assert out.read_text() == "the one before"
    else:
        assert left == []


@pytest.mark.parametrize("format_id", FORMATS)
def test_an_export_of_another_project_is_never_written_over(
    format_id: str, store: ProjectStore, tmp_path: Path
) -> None:
    out = target(tmp_path, format_id)
    theirs = make_project(tmp_path / "theirs", leaves(3))
    export_project(theirs, out, format_id=format_id)
    before = contents(out)
    with pytest.raises(ExportRefused, match="already"):
        export_project(store, out, format_id=format_id)
    assert contents(out) == before
    if formats()[format_id].suffix:
        export_project(store, out, format_id=format_id, replace=True)
        assert contents(out) != before
    theirs.close()


def contents(out: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in (out, *out.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("format_id", [f for f in FORMATS if formats()[f].suffix])
def test_an_earlier_export_gives_way_to_a_newer_one_of_its_project(
    format_id: str, store: ProjectStore, tmp_path: Path
) -> None:
    out = target(tmp_path, format_id)
    export_project(store, out, format_id=format_id)
    first = store.image_ids(ImageQuery())[0]
    store.update_images([replace(store.image(first), disease=None)])
    store.add_images(
        [NewImage(replace(store.image(first), id=ImageId(new_id()), path="x.png", sha256="0" * 64))]
    )
    before = contents(out)
    assert export_project(store, out, format_id=format_id).images == 8
    assert contents(out) != before


@pytest.mark.parametrize("there", ["file", "empty file", "pipe", "dangling link"])
def test_coco_is_not_written_over_what_is_no_export(
    there: str, store: ProjectStore, tmp_path: Path
) -> None:
    out = tmp_path / "labels.json"
    match there:
        case "pipe":
            os.mkfifo(out)
        case "dangling link":
            out.symlink_to(tmp_path / "gone")
        case _:
            out.write_text("dear to me" if there == "file" else "")
    with pytest.raises(ExportInTheWay) as refused:
        export_project(store, out, format_id="coco")
    assert str(refused.value) == (
        "“labels.json” is there already and is no earlier export of “coffee”. Choose another "
        "name, or add --replace to write over it."
    )
    assert inside(tmp_path / "out") == []


@pytest.mark.parametrize("format_id", FORMATS)
def test_an_empty_project_is_told(format_id: str, tmp_path: Path) -> None:
    empty = make_project(tmp_path, [])
    with pytest.raises(ExportRefused, match="no photos yet"):
        export_project(empty, target(tmp_path, format_id), format_id=format_id)
    assert not inside(tmp_path / "out")
    empty.close()


def test_an_unknown_format_names_those_there_are(store: ProjectStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="coco"):
        export_project(store, tmp_path / "x", format_id="yolo")


# -- COCO


def test_coco_is_read_by_cocos_own_reader(
    store: ProjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    export_project(store, out, format_id="coco")
    reader = COCO(str(out))
    names = {c["name"] for c in reader.loadCats(reader.getCatIds())}
    assert names == {"leaf", "rust", "scab", "lesion"}
    assert min(reader.getCatIds()) == 1
    by_name = {store.resolve(store.image(i)).name: i for i in store.image_ids(ImageQuery())}
    checked = 0
    for entry in reader.loadImgs(reader.getImgIds()):
        regions = store.regions(by_name[Path(entry["file_name"]).name])
        found = reader.loadAnns(reader.getAnnIds(imgIds=[entry["id"]]))
        assert len(found) == len(regions)
        for region, annotation in zip(regions, found, strict=True):
            pixels = rle.decode(annotation["segmentation"], (entry["width"], entry["height"]))
            assert np.array_equal(pixels, region.mask.to_array())
            assert annotation["area"] == coco_mask.area(annotation["segmentation"])
            assert annotation["bbox"] == list(coco_mask.toBbox(annotation["segmentation"]))
            assert annotation["iscrowd"] == 0
            leaf = region.info.kind is RegionKind.LEAF
            assert (annotation["category_id"] == 1) == leaf
            checked += 1
    assert checked == 11
    capsys.readouterr()


def test_coco_names_photos_below_their_common_folder(store: ProjectStore, tmp_path: Path) -> None:
    export_project(store, tmp_path / "out.json", format_id="coco")
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    names = [i["file_name"] for i in document["images"]]
    assert "sub/é 1.png" in names
    assert len(set(names)) == len(names)
    assert not any(Path(n).is_absolute() or ".." in n for n in names)
    assert document["licenses"]
    assert document["info"]["description"]


def test_a_disease_called_leaf_does_not_become_the_leaf(tmp_path: Path) -> None:
    store = make_project(tmp_path, [spotted("a.png", "leaf"), spotted("b.png", "lesion")])
    export_project(store, tmp_path / "out.json", format_id="coco")
    names = [c["name"] for c in json.loads((tmp_path / "out.json").read_text())["categories"]]
    assert sorted(names) == ["leaf", "leaf (disease)", "lesion", "lesion (disease)"]
    store.close()


def test_coco_gets_its_ending(store: ProjectStore, tmp_path: Path) -> None:
    assert export_project(store, tmp_path / "out", format_id="coco").path.name == "out.json"


def test_coco_is_not_written_over_a_folder(store: ProjectStore, tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    with pytest.raises(ExportRefused, match="is a folder"):
        export_project(store, tmp_path / "out.json", format_id="coco")


def test_a_mask_that_does_not_read_back_stops_the_export(
    store: ProjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = rle.encode_cut

    def off_by_one(pixels: np.ndarray, origin: tuple[int, int], size: tuple[int, int]) -> rle.Rle:
        return encode(pixels, (max(0, origin[0] - 1), origin[1]), size)

    monkeypatch.setattr(rle, "encode_cut", off_by_one)
    with pytest.raises(ExportRefused, match="does not read back"):
        export_project(store, tmp_path / "out.json", format_id="coco")
    assert not (tmp_path / "out.json").exists()


# -- mask pictures


def imported_again(tmp_path: Path, out: Path) -> tuple[ProjectStore, ImportReport]:
    """The photos in a new project, with the mask pictures and the table in ``out``."""
    again = create_project(tmp_path / "again")
    options = import_images.ImportOptions(
        masks=out / "masks",
        mask_map=out / "map.json",
        labels=out / "labels.csv",
        create_diseases=True,
    )
    return again, import_images.run(again, import_images.plan([tmp_path / "photos"]), options)


def both(before: ProjectStore, after: ProjectStore) -> Iterator[tuple[LeafImage, LeafImage]]:
    """Each photo as it was and as it came back."""
    for image in before.image_ids(ImageQuery()):
        one = before.image(image)
        yield one, after.known_sha256([one.sha256])[one.sha256]


def test_mask_pictures_come_back_through_import(store: ProjectStore, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    export_project(store, out, format_id="masks")
    again, report = imported_again(tmp_path, out)
    assert len(report.accepted) == 7, report.refused
    for before, after in both(store, again):
        assert _areas(store, before.id) == _areas(again, after.id)
    again.close()


def test_crop_group_and_part_of_training_come_back_with_the_mask_pictures(tmp_path: Path) -> None:
    made = make_project(
        tmp_path,
        [
            spotted("a.png", "rust", crop="coffee", group="plot 1", split=Split.VAL),
            spotted("b.png", "scab", crop="apple", group="plot 2", split=Split.IGNORED),
        ],
    )
    export_project(made, tmp_path / "out", format_id="masks")
    again, _ = imported_again(tmp_path, tmp_path / "out")
    for before, after in both(made, again):
        assert (after.crop, after.group, after.split) == (before.crop, before.group, before.split)
    made.close()
    again.close()


def test_photos_that_a_camera_called_alike_get_back_their_own_masks_and_names(
    tmp_path: Path,
) -> None:
    alike = [
        Leaf("IMG_1.png", "rust", (("rust", (0, 0, 4, 4)),)),
        Leaf("plot 1/IMG_1.png", "phoma", (("phoma", (10, 10, 20, 20)),)),
        Leaf("plot 2/IMG_1.png", leaf=None, known=False),
        Leaf("plot 2/deep/IMG_1.png", "rust", (("rust", (30, 2, 63, 47)),)),
        Leaf("other.png", "miner", (("miner", (1, 1, 3, 3)),)),
    ]
    made = make_project(tmp_path, alike)
    export_project(made, tmp_path / "out", format_id="masks")
    masks = tmp_path / "out" / "masks"
    assert (masks / "other.png").exists()
    assert (masks / "photos" / "plot 1" / "IMG_1.png").exists()
    again, report = imported_again(tmp_path, tmp_path / "out")
    assert len(report.accepted) == 5, report.refused
    for before, after in both(made, again):
        assert _areas(made, before.id) == _areas(again, after.id)
        assert _named(made, before.id) == _named(again, after.id)
        assert before.mask_known == after.mask_known
    made.close()
    again.close()


def _named(store: ProjectStore, image: ImageId) -> str:
    names = {d.id: d.name for d in store.diseases()}
    return names.get(store.image(image).disease, "")


def _areas(store: ProjectStore, image: ImageId) -> int:
    """Lesion pixels. A picture of one value a pixel tells a leaf under a lesion by the lesion."""
    return sum(a for (kind, _), a in store.areas(image).items() if kind is RegionKind.LESION)


def test_mask_pictures_have_the_photos_size_and_values(store: ProjectStore, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    export_project(store, out, format_id="masks")
    meaning = json.loads((out / "map.json").read_text())
    assert meaning["1"] == "leaf"
    assert meaning["2"] == "lesion"
    with Image.open(out / "masks" / "leaf_00.png") as picture:
        assert picture.mode == "P"
        assert picture.size == (64, 48)
        values = np.asarray(picture)
    assert values[0, 0] == 0
    assert values[5, 5] == 1
    assert meaning[str(values[12, 12])] == "rust"
    assert not (out / "masks" / "bare.png").exists(), "nobody has outlined it"


def test_mask_pictures_give_severity(store: ProjectStore, tmp_path: Path) -> None:
    export_project(store, tmp_path / "p", format_id="masks")
    with (tmp_path / "p" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert float(rows["leaf_00.png"]["severity_percent"]) == pytest.approx(
        100 * 80 / 2240, abs=1e-3
    )
    assert float(rows["leaf_02.png"]["severity_percent"]) == 0
    assert rows["bare.png"]["severity_percent"] == ""


def test_mask_pictures_never_go_into_a_folder_that_has_something(
    store: ProjectStore, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("dear to me")
    with pytest.raises(ExportRefused, match="already exists and is not empty"):
        export_project(store, out, format_id="masks")
    assert (out / "thesis.txt").read_text() == "dear to me"


def test_twins_get_numbers_and_drives_lose_their_colon() -> None:
    assert unique_stems(["a.jpg", "A.png", "b.jpg", "a.tif"]) == ["a", "A_2", "b", "a_3"]
    assert relative_names([Path("/x/y/a.jpg"), Path("/x/z/a.jpg")]) == ["y/a.jpg", "z/a.jpg"]
    assert relative_names([Path("/x/y/a.jpg")]) == ["a.jpg"]


@pytest.mark.parametrize("format_id", FORMATS)
@pytest.mark.parametrize("out", ["/", ".", ".."])
def test_a_place_without_a_name_is_refused(format_id: str, store: ProjectStore, out: str) -> None:
    with pytest.raises(ExportRefused, match="names no place of its own"):
        export_project(store, Path(out), format_id=format_id)


def test_where_and_when_photos_were_taken_is_told_only_when_asked_for(
    tmp_path: Path,
) -> None:
    store = make_project(tmp_path, leaves(3))
    images = store.images(store.image_ids(ImageQuery()))
    when, where = "2026-05-03T10:11:12", (-21.76543, -43.3421)
    store.update_images([replace(i, captured_at=when, gps=where) for i in images])
    for format_id, spec in formats().items():
        for places in (False, True):
            out = tmp_path / f"{format_id}-{places}{spec.suffix}"
            export_project(store, out, format_id=format_id, places=places)
            files = [p for p in ([out] if out.is_file() else out.rglob("*")) if p.is_file()]
            told = any(
                b"21.76543" in p.read_bytes() or b"2026-05-03" in p.read_bytes() for p in files
            )
            assert told == (places and spec.places), format_id
    store.close()


def test_the_table_beside_the_masks_knows_the_severity_of_a_leaf_diseased_all_over(
    tmp_path: Path,
) -> None:
    whole = (4, 4, 60, 44)
    made = make_project(tmp_path, [Leaf("gone.png", "rust", (("rust", whole),), leaf=whole)])
    export_project(made, tmp_path / "p", format_id="masks")
    made.close()
    with (tmp_path / "p" / "labels.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["severity_percent"] == "100.000"
