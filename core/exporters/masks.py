"""A palette PNG per photo, and the labels as CSV: what `leafspot import` reads back.

    OUT/masks/<stem>.png   0 background, 1 leaf, 2 unnamed lesion, 3 and up one value per disease
    OUT/map.json           what the values mean
    OUT/labels.csv         image, disease, group, split, crop, severity_percent

Cameras call many photos alike: those that share a stem are told apart by their folders, in the
table as in ``masks/``. Knows these files; knows no photo's content.
"""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core import files, spreadsheets
from core.domain.disease import LEAF_COLOUR, UNNAMED_LESION_COLOUR, Disease
from core.domain.ids import DiseaseId
from core.domain.image import LeafImage
from core.domain.region import Region, RegionKind
from core.errors import ExportRefused
from core.exporters.base import (
    LONGEST_STEM,
    ExporterSpec,
    ExportReport,
    Only,
    Progress,
    by_id,
    checked_regions,
    images_of,
    relative_names,
    unique_stems,
    without_ending,
)
from core.geometry.severity import severity_percent
from core.importers.mask_folder import IS_DISEASE, WORDS
from core.language import tr, trn
from core.ports import ProjectStore

SPECS = (
    ExporterSpec(
        id="masks",
        title=tr("Mask pictures (palette PNG) and a table"),
        suffix="",
        loses=tr(
            "Where outlines overlap, the later one is kept; single lesions are not told apart."
        ),
        factory="core.exporters.masks:write",
    ),
)
LEAF, LESION, FIRST_DISEASE = 1, 2, 3


def write(
    store: ProjectStore, out: Path, *, progress: Progress | None = None, only: Only = None
) -> ExportReport:
    """See `core.exporters.base.Exporter`. ``out`` is a folder that is new or empty."""
    images = images_of(store, only)
    diseases = [d for d in store.diseases() if not d.healthy]
    if FIRST_DISEASE + len(diseases) > 256:
        raise ExportRefused(tr("A mask picture holds at most 253 diseases; export COCO instead."))
    values: dict[DiseaseId | None, int] = {None: LESION}
    values |= {d.id: value for value, d in enumerate(diseases, start=FIRST_DISEASE)}
    photos = [store.resolve(image) for image in images]
    places = _places(photos)
    regions = overlapped = numbered = 0
    with files.whole_folder(out) as draft:
        (draft / "masks").mkdir()
        rows: list[list[str]] = []
        names = by_id(store.diseases())
        for done, (image, place) in enumerate(zip(images, places, strict=True), start=1):
            found = checked_regions(store, image)
            classes = class_map(image, found, values)
            if image.mask_known or found:
                target = draft / "masks" / place.mask
                target.parent.mkdir(parents=True, exist_ok=True)
                _write_png(target, classes, diseases)
                numbered += place.numbered
            regions += len(found)
            overlapped += _overlap(found)
            rows.append(_row(image, place.name, names, classes, found))
            if progress:
                progress(done, len(images))
        _write_tables(draft, rows, diseases)
    return ExportReport(out, len(images), regions, tuple(_notes(overlapped, numbered)))


def _notes(overlapped: int, numbered: int) -> Iterator[str]:
    if overlapped:
        those = trn("{n:,} photo has", "{n:,} photos have", overlapped)
        yield tr("{photos} lesions that overlap; the later one was kept there.", photos=those)
    if numbered:
        yield trn(
            "{n:,} mask has a number in its name and is not found again by an import, because "
            "another photo is called alike but for case; rename one of them.",
            "{n:,} masks have a number in their names and are not found again by an import, "
            "because other photos are called alike but for case; rename those photos.",
            numbered,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """A photo's ``name`` in the table and its ``mask`` below ``masks/``; ``numbered`` where that
    is not the photo's own name."""

    name: str
    mask: str
    numbered: bool = False


def _places(photos: Sequence[Path]) -> list[_Place]:
    """By the photos' names alone, or by their folders as well where several share a stem: from the
    folder that holds them all, so that the name of one is never the end of another's. Where they
    share the folder, too, a mask is called by all of a name (``leaf.jpg.png``).
    """
    shared = Counter(_folded(p.stem) for p in photos)
    twins = [p for p in photos if shared[_folded(p.stem)] > 1]
    below = {p: _from_the_top(p, n) for p, n in zip(twins, relative_names(twins), strict=True)}
    names = [below.get(p, p.name) for p in photos]
    plain = [_folded(without_ending(name)) for name in names]
    # What another photo is called with its ending would be taken for that one's mask.
    taken = Counter([*plain, *{_folded(name) for name in names}])
    wanted = [
        f"{name}.png" if taken[stem] > 1 and _fits(name) else name
        for name, stem in zip(names, plain, strict=True)
    ]
    given = unique_stems(wanted)
    return [
        _Place(_in_table(photo, name, below), f"{stem}.png", stem != without_ending(mask))
        for photo, name, stem, mask in zip(photos, names, given, wanted, strict=True)
    ]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _fits(name: str) -> bool:
    """Whether there is room for another ending in what systems allow."""
    return len(os.fsencode(PurePosixPath(name).name)) <= LONGEST_STEM


def _in_table(photo: Path, name: str, below: Mapping[Path, str]) -> str:
    """At the top of a drive there is no folder to be told by: the whole path is that of no other,
    and names nobody."""
    return photo.as_posix() if photo in below and "/" not in name else name


def _from_the_top(photo: Path, below: str) -> str:
    """``below`` the common folder, with that folder's own name before it."""
    parts = len(PurePosixPath(below).parts)
    top = photo.parents[parts - 1].name if parts <= len(photo.parents) else ""
    return f"{top}/{below}" if top else below


def class_map(
    image: LeafImage, regions: list[Region], values: dict[DiseaseId | None, int]
) -> NDArray[np.uint8]:
    """[height, width] uint8; lesions lie over leaves, later regions over earlier ones."""
    out = np.zeros((image.height, image.width), np.uint8)
    for region in sorted(regions, key=lambda r: r.info.kind is RegionKind.LESION):
        if (box := region.mask.box()) is not None:
            is_leaf = region.info.kind is RegionKind.LEAF
            value = LEAF if is_leaf else values.get(region.info.disease, LESION)
            out[box[1] : box[3], box[0] : box[2]][region.mask.read(box)] = value
    return out


def _overlap(regions: list[Region]) -> bool:
    """Whether two lesions of different diseases share a pixel, by their tiles."""
    lesions = [r for r in regions if r.info.kind is RegionKind.LESION]
    for i, one in enumerate(lesions):
        for other in lesions[i + 1 :]:
            if one.info.disease == other.info.disease:
                continue
            for key in one.mask.tiles.keys() & other.mask.tiles.keys():
                if (one.mask.tiles[key] & other.mask.tiles[key]).any():
                    return True
    return False


def _write_png(path: Path, classes: NDArray[np.uint8], diseases: list[Disease]) -> None:
    picture = Image.fromarray(classes).convert("P")
    colours = ("#000000", LEAF_COLOUR, UNNAMED_LESION_COLOUR, *(d.colour for d in diseases))
    picture.putpalette([part for colour in colours for part in bytes.fromhex(colour[1:])])
    picture.save(path, "PNG")
    with Image.open(path) as again:
        if not np.array_equal(np.asarray(again), classes):
            raise ExportRefused(
                tr("{name} does not read back as it was written; try again.", name=path.name)
            )


def _row(
    image: LeafImage,
    name: str,
    names: dict[DiseaseId, Disease],
    classes: NDArray[np.uint8],
    regions: list[Region],
) -> list[str]:
    disease = names[image.disease].name if image.disease in names else ""
    # By its outline: of a leaf that is diseased all over no pixel of the picture is a leaf's.
    leaf = sum(r.mask.area() for r in regions if r.info.kind is RegionKind.LEAF)
    lesion, cover = int((classes >= LESION).sum()), int((classes >= LEAF).sum())
    share = severity_percent(leaf=leaf, lesion=lesion, cover=cover) if image.mask_known else None
    severity = "" if share is None else f"{share:.3f}"
    return [name, disease, image.group, image.split.value, image.crop, severity]


def _write_tables(folder: Path, rows: list[list[str]], diseases: list[Disease]) -> None:
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "disease", "group", "split", "crop", "severity_percent"])
        table.writerows([*spreadsheets.written(row[:-1]), row[-1]] for row in rows)
    meaning = {str(LEAF): "leaf", str(LESION): "lesion"}
    meaning |= {str(v): _called(d) for v, d in enumerate(diseases, start=FIRST_DISEASE)}
    text = json.dumps(meaning, indent=1, ensure_ascii=False)
    (folder / "map.json").write_text(text + "\n", "utf-8")


def _called(disease: Disease) -> str:
    """In the map, where “leaf” and the like have a meaning of their own."""
    return f"{disease.name}{IS_DISEASE}" if disease.name.casefold() in WORDS else disease.name
