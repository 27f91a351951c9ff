"""COCO JSON with compressed RLE masks.

Knows COCO's fields; knows no image library: photos are named, not opened. Every mask is read back
from the written file and compared with the project's before the file takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from core import files
from core.domain.disease import Disease
from core.domain.ids import DiseaseId
from core.domain.image import LeafImage
from core.domain.region import Region, RegionKind
from core.errors import ExportRefused
from core.exporters.base import (
    ExporterSpec,
    ExportReport,
    Only,
    Progress,
    by_id,
    checked_regions,
    images_of,
    mark,
    relative_names,
)
from core.geometry import rle
from core.language import tr, trn
from core.ports import ProjectStore

SPECS = (
    ExporterSpec(
        id="coco",
        title=tr("COCO JSON (RLE masks)"),
        suffix=".json",
        loses=tr("Keeps every pixel, class and split; leaves out thumbnails, runs and scores."),
        factory="core.exporters.coco:write",
        places=True,
    ),
)
LEAF = 1
"""Category of leaves; 0 is never used, because readers take it for “none”."""


def write(
    store: ProjectStore,
    out: Path,
    *,
    progress: Progress | None = None,
    only: Only = None,
    places: bool = False,
) -> ExportReport:
    """See `core.exporters.base.Exporter`. ``out`` is a file; its folder is made if missing."""
    images = images_of(store, only)
    seen = _Progress(progress, 2 * len(images))
    with files.whole_file(out) as draft:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            written = _write(file, store, images, seen, places=places)
        _read_back(draft, store, images, written, seen)
    empty = trn(
        "{n:,} outline without a pixel was left out.",
        "{n:,} outlines without a pixel were left out.",
        written.empty,
    )
    return ExportReport(out, len(images), written.regions, (empty,) if written.empty else ())


class _Progress:
    """Counts photos, and what was written."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def one(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)


class _Written:
    def __init__(self) -> None:
        self.regions = 0
        self.empty = 0


def _categories(
    diseases: list[Disease],
) -> dict[tuple[RegionKind, DiseaseId | None], dict[str, Any]]:
    """leaf, each disease, and lesions that nobody has named; numbered from 1, names unique."""
    found: dict[tuple[RegionKind, DiseaseId | None], dict[str, Any]] = {
        (RegionKind.LEAF, None): {"id": LEAF, "name": "leaf", "supercategory": "leaf"}
    }
    for disease in diseases:
        if not disease.healthy:
            clash = disease.name.casefold() in ("leaf", "lesion")
            name = f"{disease.name} (disease)" if clash else disease.name
            entry = {"id": len(found) + 1, "name": name, "supercategory": "lesion"}
            found[RegionKind.LESION, disease.id] = entry
    unnamed = {"id": len(found) + 1, "name": "lesion", "supercategory": "lesion"}
    return found | {(RegionKind.LESION, None): unnamed}


def _write(
    file: TextIO, store: ProjectStore, images: list[LeafImage], seen: _Progress, *, places: bool
) -> _Written:
    """Streams the document: one region in memory at a time."""
    written = _Written()
    categories = _categories(store.diseases())
    head = _head(store, images, places=places) | {"categories": list(categories.values())}
    text = json.dumps(head, ensure_ascii=False, allow_nan=False)
    file.write(text[:-1] + ', "annotations": [')
    for number, image in enumerate(images, start=1):
        for region in _filled(store, image, written):
            written.regions += 1
            category = categories.get((region.info.kind, region.info.disease))
            category = category or categories[RegionKind.LESION, None]
            entry = _annotation(written.regions, number, region, int(category["id"]))
            file.write((",\n" if written.regions > 1 else "\n") + json.dumps(entry))
        seen.one()
    file.write("\n]}\n")
    return written


def _head(store: ProjectStore, images: list[LeafImage], *, places: bool) -> dict[str, Any]:
    now = datetime.now(UTC)
    diseases = by_id(store.diseases())
    names = relative_names([store.resolve(image) for image in images])
    return {
        "info": {
            "description": f"Leafspot project “{store.name}”",
            "leafspot_project": mark(store),  # beyond COCO, as below
            "version": "1.0",
            "year": now.year,
            "contributor": "",
            "url": "",
            "date_created": now.strftime("%Y/%m/%d"),
        },
        "licenses": [{"id": 1, "name": "Not stated by the owner of the photos", "url": ""}],
        "images": [
            _image(number, image, name, diseases) | (_place(image) if places else {})
            for number, (image, name) in enumerate(zip(images, names, strict=True), start=1)
        ],
    }


def _filled(store: ProjectStore, image: LeafImage, written: _Written) -> Iterator[Region]:
    for region in checked_regions(store, image):
        if region.mask.area():
            yield region
        else:
            written.empty += 1


def _image(
    number: int, image: LeafImage, name: str, diseases: Mapping[DiseaseId, Disease]
) -> dict[str, Any]:
    disease = diseases.get(image.disease) if image.disease is not None else None
    return {
        "id": number,
        "file_name": name,
        "width": image.width,
        "height": image.height,
        "license": 1,
        "date_captured": "",
        # Beyond COCO; readers that do not know these keys skip them.
        "sha256": image.sha256,
        "disease": disease.name if disease else None,
        "mask_known": image.mask_known,
        "group": image.group,
        "split": image.split.value,
        "state": image.state.value,
    }


def _place(image: LeafImage) -> dict[str, Any]:
    """Where and when: only when asked for, because it tells where somebody's field is."""
    found: dict[str, Any] = {"date_captured": image.captured_at.replace("T", " ")}
    if image.gps is not None:
        found |= {"gps_latitude": image.gps[0], "gps_longitude": image.gps[1]}
    return found


def _annotation(number: int, image: int, region: Region, category: int) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": rle.encode(region.mask),
        "area": region.mask.area(),
        "bbox": rle.bounding(region.mask.box()),
        "iscrowd": 0,
    }


def _read_back(
    draft: Path,
    store: ProjectStore,
    images: list[LeafImage],
    written: _Written,
    seen: _Progress,
) -> None:
    """Raises ExportRefused unless every mask in the file is the project's, pixel for pixel."""
    document = json.loads(draft.read_text("utf-8"))
    by_image: dict[int, list[dict[str, Any]]] = {}
    for entry in document["annotations"]:
        by_image.setdefault(entry["image_id"], []).append(entry)
    if len(document["images"]) != len(images) or len(document["annotations"]) != written.regions:
        raise ExportRefused(tr("The export does not read back as it was written; try again."))
    for number, image in enumerate(images, start=1):
        found = by_image.get(number, [])
        for region, entry in zip(_filled(store, image, _Written()), found, strict=True):
            if not _same(region, entry, (image.width, image.height)):
                raise ExportRefused(
                    tr(
                        "An outline of {name} does not read back as it was written; nothing was "
                        "exported. Try again, and run “leafspot check” if it stays so.",
                        name=Path(image.path).name,
                    )
                )
        seen.one()


def _same(region: Region, entry: Mapping[str, Any], size: tuple[int, int]) -> bool:
    try:
        pixels = rle.decode(entry["segmentation"], size)
    except ValueError:
        return False
    return bool(np.array_equal(pixels, region.mask.to_array()))
