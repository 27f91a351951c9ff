"""Severity as tidy tables, for R and for spreadsheets.

    OUT/severity.csv   one row for each photo × leaf × disease of the crop
    OUT/lesions.csv    one row for each lesion

UTF-8, commas, decimal points, units in the column names; a cell is empty where nothing is known.
``docs/severity.md`` says what every column is. What is counted, and by which formulae, say
`core.services.severity` and `core.geometry.pieces`. Knows these files; opens no photo.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TextIO

from core import files, spreadsheets
from core.domain.calibration import Calibration
from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import LeafImage
from core.domain.scale import Scale
from core.errors import ExportRefused
from core.exporters.base import (
    ExporterSpec,
    ExportReport,
    Only,
    Progress,
    by_id,
    checked_regions,
    images_of,
    relative_names,
)
from core.language import tr, trn
from core.ports import ProjectStore
from core.services.severity import LeafMeasures, Lesion, Measurer, PhotoMeasures, sizes

SPECS = (
    ExporterSpec(
        id="severity",
        title=tr("Severity and lesions (CSV for R)"),
        suffix="",
        loses=tr("Holds figures, no outlines: what was measured, not where its pixels lie."),
        factory="core.exporters.severity:write",
        places=True,
    ),
)
PHOTO = (
    "photo", "group", "crop", "captured_at", "state", "leaf", "disease", "eppo_code",
)  # fmt: skip
SEVERITY = (
    *PHOTO,
    "leaf_area_px", "leaf_area_mm2", "disease_area_px", "disease_area_mm2",
    "severity_percent", "leaf_severity_percent", "scale", "grade", "leaf_grade",
    "lesion_count", "lesion_area_median_px", "lesion_area_q1_px", "lesion_area_q3_px",
    "lesion_area_median_mm2", "lesion_area_q1_mm2", "lesion_area_q3_mm2", "mm_per_px",
)  # fmt: skip
LESIONS = (
    *PHOTO,
    "lesion", "area_px", "area_mm2", "centroid_x_px", "centroid_y_px",
    "perimeter_px", "perimeter_mm", "eccentricity",
)  # fmt: skip
Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class _Photo:
    """What every row of a photo needs."""

    image: LeafImage
    name: str
    card: Calibration | None
    measures: PhotoMeasures


def write(
    store: ProjectStore,
    out: Path,
    *,
    progress: Progress | None = None,
    only: Only = None,
    places: bool = False,
) -> ExportReport:
    """See `core.exporters.base.Exporter`. ``out`` is a folder that is new or empty."""
    images = images_of(store, only)
    if not places:  # the column stays, so that tables of all exports fit together
        images = [replace(image, captured_at="") for image in images]
    names = relative_names([store.resolve(image) for image in images])
    cards = store.calibrations([image.id for image in images])
    diseases = by_id(store.diseases())
    tables = _Tables(diseases, store.scales().chosen, _crops(store, images, diseases))
    measurer, regions = Measurer(), 0
    with (
        files.whole_folder(out) as draft,
        _csv(draft / "severity.csv") as severity,
        _csv(draft / "lesions.csv") as lesions,
    ):
        written = [_Written(severity, SEVERITY), _Written(lesions, LESIONS)]
        for done, (image, name) in enumerate(zip(images, names, strict=True), start=1):
            found = checked_regions(store, image)
            regions += len(found)
            measures = measurer.measure(found, shapes=True)
            photo = _Photo(image, name, cards.get(image.id), measures)
            written[0].put(tables.severity(photo))
            written[1].put(tables.lesions(photo))
            if progress:
                progress(done, len(images))
        for table in written:
            table.read_back()
    return ExportReport(out, len(images), regions, _notes(images, cards))


def _notes(images: Sequence[LeafImage], cards: Mapping[ImageId, Calibration]) -> tuple[str, ...]:
    bare = len(images) - len(cards)
    if not bare:
        return ()
    have = trn("{n:,} photo has", "{n:,} photos have", bare)
    return (tr("{have} no scale card, so the columns in mm are empty there.", have=have),)


def _crops(
    store: ProjectStore, images: Sequence[LeafImage], diseases: Mapping[DiseaseId, Disease]
) -> dict[DiseaseId, set[str]]:
    """The crops of the photos on which each disease occurs or is the label; "" for not told."""
    found: dict[DiseaseId, set[str]] = {}
    for image in images:
        here = {disease for _, disease in store.areas(image.id)} | {image.disease}
        for disease in here:
            if disease is not None and disease in diseases and not diseases[disease].healthy:
                found.setdefault(disease, set()).add(image.crop.casefold())
    return found


class _Tables:
    """Rows of cells. ``scale`` grades the severities, ``crops`` are those of each disease."""

    def __init__(
        self,
        diseases: Mapping[DiseaseId, Disease],
        scale: Scale,
        crops: Mapping[DiseaseId, set[str]],
    ) -> None:
        self._diseases, self._scale, self._crops = diseases, scale, crops

    def severity(self, photo: _Photo) -> Iterable[Sequence[Cell]]:
        """One row for each leaf and each disease that the project has on that crop.

        So a leaf without a disease that others have has a 0 for it, as every mean needs. Where
        nobody has said where the lesions are there are only the photo's own diseases, and a photo
        without any outline has one row without figures.
        """
        wanted = self._wanted(photo)
        for leaf in photo.measures.leaves:
            for disease in wanted if leaf.leaf else leaf.diseases:
                yield [*self._photo(photo, leaf, disease), *self._figures(photo, leaf, disease)]
        if not photo.measures.leaves:
            blank: list[Cell] = [None] * (len(SEVERITY) - len(PHOTO))
            yield [*self._photo(photo, None, photo.image.disease), *blank]

    def lesions(self, photo: _Photo) -> Iterable[Sequence[Cell]]:
        """Lesions are numbered within the photo."""
        number = 0
        for leaf in photo.measures.leaves:
            for lesion in leaf.lesions:
                number += 1
                about = self._photo(photo, leaf, lesion.disease)
                yield [*about, number, *_lesion(lesion, photo.card)]

    def _wanted(self, photo: _Photo) -> list[DiseaseId | None]:
        found = {lesion.disease for lesion in photo.measures.lesions}
        if _looked_at(photo):
            found |= {disease for disease in self._crops if self._may_occur(disease, photo)}
        label = self._diseases.get(photo.image.disease) if photo.image.disease else None
        if label is not None and not (label.healthy and photo.measures.lesions):
            found.add(label.id)
        return sorted(found, key=lambda d: (d is None, d or 0)) or [None]

    def _may_occur(self, disease: DiseaseId, photo: _Photo) -> bool:
        """Not on a crop on which nobody has seen it, where both crops are told."""
        crop, known = photo.image.crop.casefold(), self._crops[disease]
        return not crop or "" in known or crop in known

    def _photo(
        self, photo: _Photo, leaf: LeafMeasures | None, disease: DiseaseId | None
    ) -> list[Cell]:
        image = photo.image
        known = self._diseases.get(disease) if disease is not None else None
        texts = spreadsheets.written([photo.name, image.group, image.crop, image.captured_at])
        named = spreadsheets.written([known.name, known.eppo] if known else ["", ""])
        return [*texts, image.state.value, leaf.number if leaf else None, *named]

    def _figures(self, photo: _Photo, leaf: LeafMeasures, disease: DiseaseId | None) -> list[Cell]:
        areas, mm2 = leaf.areas, partial(_mm2, photo.card)
        known = _looked_at(photo)
        whole = areas.cover if leaf.leaf else None
        diseased = areas.diseases.get(disease, 0) if known else None
        share = areas.severity_of(disease) if known else None
        total = areas.severity if known else None
        found = leaf.of(disease)
        spread = sizes([lesion.area for lesion in found])
        quartiles = (spread.median, spread.lower, spread.upper) if spread else (None, None, None)
        scale = spreadsheets.written([self._scale.title])
        return [
            whole, mm2(whole), diseased, mm2(diseased), share, total,
            *scale, *spreadsheets.written([self._scale.grade(share), self._scale.grade(total)]),
            len(found) if known else None, *quartiles, *(mm2(q) for q in quartiles),
            photo.card.mm_per_px if photo.card else None,
        ]  # fmt: skip


def _looked_at(photo: _Photo) -> bool:
    """Where nobody has said where the lesions are, their absence is no observation."""
    return photo.image.mask_known or bool(photo.measures.lesions)


def _mm2(card: Calibration | None, pixels: float | None) -> float | None:
    """Pixels in mm²; None where there is no scale card."""
    return None if card is None or pixels is None else card.mm2(pixels)


def _lesion(lesion: Lesion, card: Calibration | None) -> list[Cell]:
    shape = lesion.shape
    assert shape is not None
    side = card.mm_per_px if card else None
    return [
        lesion.area, _mm2(card, lesion.area), *shape.centroid, shape.perimeter,
        None if side is None else shape.perimeter * side, shape.eccentricity,
    ]  # fmt: skip


def _csv(path: Path) -> TextIO:
    return path.open("w+", newline="", encoding="utf-8")


class _Written:
    """A table under way, and what it must read back as."""

    def __init__(self, file: TextIO, head: Sequence[str]) -> None:
        self._file, self._head = file, head
        self._table = csv.writer(file, lineterminator="\n")
        self._table.writerow(head)
        self._rows = 0

    def put(self, rows: Iterable[Sequence[Cell]]) -> None:
        for row in rows:
            self._table.writerow([_cell(cell) for cell in row])
            self._rows += 1

    def read_back(self) -> None:
        """Raises ExportRefused when a row has got lost or another number of cells."""
        self._file.flush()
        self._file.seek(0)
        lengths = [len(row) for row in csv.reader(self._file)]
        if lengths != [len(self._head)] * (self._rows + 1):
            name = Path(self._file.name).name
            raise ExportRefused(
                tr("{name} does not read back as it was written; try again.", name=name)
            )


def _cell(value: Cell) -> str:
    """A figure with six significant digits, as R reads it whatever the system's language."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
