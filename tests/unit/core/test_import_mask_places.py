"""Whose a mask is where photos are called alike: one photo's, or nobody's, and after an export the
same one's as before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import ImportRefused
from core.importers.mask_folder import MaskFolder
from core.ports import ImageQuery, ProjectStore
from core.services.export import export_project
from core.services.import_images import ImportOptions, ImportReport, plan, run
from storage import create_project
from tests.doubles.decoders import HereDecoder
from tests.doubles.projects import SPOT, Leaf, make_project


def masks(folder: Path, *names: str) -> MaskFolder:
    for name in names:
        path = folder / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return MaskFolder.scan(folder / "masks")


def photos(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return [folder / name for name in names]


def found(folder: MaskFolder, asked: Sequence[Path]) -> list[str]:
    """The mask of each, "" for none, "?" for one that is refused."""
    among, out = folder.among(asked), []
    for photo in asked:
        try:
            mask = among.find(photo)
        except ImportRefused:
            out.append("?")
        else:
            out.append("" if mask is None else mask.relative_to(folder.folder).as_posix())
    return out


def test_one_mask_is_not_laid_over_two_photos_that_share_their_folders_names(
    tmp_path: Path,
) -> None:
    pair = photos(tmp_path, "x/plot/leaf.jpg", "y/plot/leaf.jpg")
    assert found(masks(tmp_path, "plot/leaf.png"), pair) == ["?", "?"]


def test_nor_over_two_that_differ_in_their_ending_alone(tmp_path: Path) -> None:
    pair = photos(tmp_path, "plot/leaf.jpg", "plot/leaf.tif")
    assert found(masks(tmp_path, "plot/leaf.png"), pair) == ["?", "?"]


def test_a_mask_called_by_all_of_a_photos_name_is_that_photos(tmp_path: Path) -> None:
    pair = photos(tmp_path, "plot/leaf.jpg", "plot/leaf.tif")
    folder = masks(tmp_path, "leaf.jpg.png", "plot/leaf.tif.png")
    assert found(folder, pair) == ["leaf.jpg.png", "plot/leaf.tif.png"]


def test_copies_of_one_photo_share_their_mask(tmp_path: Path) -> None:
    pair = photos(tmp_path, "x/plot/leaf.jpg", "y/plot/leaf.jpg")
    pair[1].write_bytes(pair[0].read_bytes())
    assert found(masks(tmp_path, "plot/leaf.png"), pair) == ["plot/leaf.png"] * 2


@pytest.mark.skipif(os.name == "nt", reason="no two names that differ in case there")
def test_of_names_that_differ_in_case_the_one_that_is_written_so_is_meant(tmp_path: Path) -> None:
    pair = photos(tmp_path, "Plot/leaf.jpg", "plot/leaf.jpg")
    assert found(masks(tmp_path, "plot/leaf.png"), pair) == ["", "plot/leaf.png"]


def test_a_photo_at_the_top_of_a_drive_has_the_mask_at_the_top(tmp_path: Path) -> None:
    top = Path(tmp_path.anchor)
    folder = masks(tmp_path, "leaf.png", "a/leaf.png")
    assert found(folder, [top / "leaf.jpg", top / "a" / "leaf.jpg"]) == ["leaf.png", "a/leaf.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_folders_and_pipes_are_no_masks(tmp_path: Path) -> None:
    (photo,) = photos(tmp_path, "leaf.jpg")
    (tmp_path / "masks" / "leaf.png").mkdir(parents=True)
    os.mkfifo(tmp_path / "masks" / "other.png")
    assert found(masks(tmp_path, "a/leaf.png"), [photo]) == ["a/leaf.png"]


# -- out and in again

ALIKE = (
    ["north/leaf.png", "south/leaf.png", "other.png"],
    ["a/leaf.png", "b/a/leaf.png", "b/b/a/leaf.png"],
    ["leaf.png", "leaf.tif", "leaf.webp"],
    ["leaf.png", "leaf.png.tif"],
    ["x/plot/leaf.png", "y/plot/leaf.png", "y/plot/leaf.tif"],
    ["back/slash.png", "back\\slash.png"],
    ["caf\u00e9.png", "cafe.png", "\u202etac.png", " cat.png", "cat.png", "two\nlines.png"],
    ["leaf_2.png", "leaf.png", "leaf.tif", "leaf_2.tif"],
    ["x/leaf.png.png", "x/leaf.png", "y/leaf.tif"],
)


def fresh(folder: Path, out: Path, home: Path) -> tuple[ProjectStore, ImportReport]:
    """The photos below ``folder`` in a new project, with what an export said of them."""
    store = create_project(folder / "again.leafspot")
    options = ImportOptions(
        masks=out / "masks",
        mask_map=out / "map.json",
        labels=out / "labels.csv",
        create_diseases=True,
    )
    return store, run(store, plan([home]), options, decoder=HereDecoder())


def told(store: ProjectStore) -> dict[str, tuple[object, ...]]:
    """By a photo's bytes: what is said of it, and the pixels of each disease."""
    names = {d.id: d.name for d in store.diseases()}
    out = {}
    for image in (store.image(i) for i in store.image_ids(ImageQuery())):
        pixels: dict[str, np.ndarray] = {}
        for region in store.regions(image.id):
            kind = f"{region.info.kind} {names.get(region.info.disease)}"  # type: ignore[arg-type]
            pixels[kind] = pixels.get(kind, False) | region.mask.to_array()
        lesions = {k: v.tobytes() for k, v in sorted(pixels.items()) if k.startswith("lesion")}
        out[image.sha256] = (names.get(image.disease), image.mask_known, str(lesions))  # type: ignore[arg-type]
    return out


@pytest.mark.parametrize("names", ALIKE, ids=lambda names: ascii(names[0]))
def test_what_is_exported_of_photos_that_are_called_alike_comes_back_to_each(
    tmp_path: Path, names: list[str]
) -> None:
    kinds = ("rust", "blight", "scab")
    wanted = [
        Leaf(name, kinds[n % 3], ((kinds[n % 3], (10, 10, 20 + n, 18)),))
        for n, name in enumerate(names)
    ]
    first = make_project(tmp_path, wanted)
    export_project(first, tmp_path / "out", format_id="masks")
    second, report = fresh(tmp_path, tmp_path / "out", tmp_path / "photos")
    assert report.refused == []
    assert report.warnings == []
    assert told(second) == told(first)
    first.close()
    second.close()


@pytest.mark.skipif(os.name == "nt", reason="no two names that differ in case there")
def test_masks_of_names_that_differ_in_case_are_told_to_be_lost(tmp_path: Path) -> None:
    wanted = [Leaf(name, "rust", (("rust", SPOT),)) for name in ("Leaf.png", "leaf.png")]
    first = make_project(tmp_path, wanted)
    report = export_project(first, tmp_path / "out", format_id="masks")
    assert "1 mask has a number in its name" in report.notes[0]
    second, _ = fresh(tmp_path, tmp_path / "out", tmp_path / "photos")
    images = [second.image(i) for i in second.image_ids(ImageQuery())]
    assert sorted(i.mask_known for i in images) == [False, True]
    assert all(i.disease is not None for i in images)
    first.close()
    second.close()


@pytest.mark.parametrize("name", ["leaf", "Lesion", "background"])
def test_a_disease_called_like_what_maps_mean_otherwise_stays_a_disease(
    tmp_path: Path, name: str
) -> None:
    """“background” took all of its lesions along."""
    first = make_project(
        tmp_path, [Leaf("a.png", "rust", ((name, SPOT), ("rust", (30, 30, 35, 35))))]
    )
    export_project(first, tmp_path / "out", format_id="masks")
    second, report = fresh(tmp_path, tmp_path / "out", tmp_path / "photos")
    assert report.refused == []
    assert told(second) == told(first)
    first.close()
    second.close()
