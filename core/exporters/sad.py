"""Standard area diagrams of each disease, drawn from the project's own leaves.

    OUT/sad.pdf   a page for each disease: leaves at rising severity, in colour and in two tones
    OUT/sad.png   the same as a picture; ``sad_1.png``, ``sad_2.png``, … where there are several
    OUT/sad.csv   which leaf of which photo each is

Raters who have such diagrams beside them estimate severity more accurately (Del Ponte et al. 2017,
Phytopathology 107, 1161–1174; steps that rise faster than linearly, as there, and a set for each
disease, since each looks its own way). The same project gives the same sheets, byte for byte. Knows
which leaves are drawn; how, knows `core.exporters.sad_sheet`. Measures nothing itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core import files, spreadsheets
from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import LeafImage
from core.domain.mask import Box
from core.domain.region import Region, RegionKind
from core.errors import ExportRefused, ImageUnreadable
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
from core.exporters.sad_sheet import DPI, Diagram, draw
from core.geometry import pieces
from core.geometry.pieces import Flags
from core.imaging.decode import decode_rgb
from core.language import tr, trn
from core.ports import ProjectStore
from core.services.severity import LeafMeasures, Measurer

SPECS = (
    ExporterSpec(
        id="sad",
        title=tr("Standard area diagrams (PDF and PNG)"),
        suffix="",
        loses=tr("A sheet to rate by: some leaves near given severities, not the labels."),
        factory="core.exporters.sad:write",
        draws=True,
    ),
)
STEPS = (1.0, 5.0, 10.0, 20.0, 35.0, 50.0)
NEAR, LEAST = 0.4, 0.5
"""A leaf stands for a step when it is at most this share of it away, or this many percent."""
SPECK = 0.01
"""Pieces smaller than this share of the largest may lie outside the drawing."""
LEAF_TONE, LESION_TONE = (214, 222, 208), (38, 30, 26)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A leaf with one disease alone, None for one without a name; ``number`` 1… on its photo."""

    image: LeafImage
    number: int
    severity: float
    disease: DiseaseId | None


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A candidate as it is drawn, for the step in % that it stands for."""

    leaf: Candidate
    step: float
    diagram: Diagram


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The diagrams of one disease, ``name`` "" for lesions without one. It may have none."""

    name: str
    drawn: Sequence[Drawn]

    def picture(self, project: str) -> Image.Image:
        """The sheet itself."""
        return draw([d.diagram for d in self.drawn], self.name, project)


def write(
    store: ProjectStore, out: Path, *, progress: Progress | None = None, only: Only = None
) -> ExportReport:
    """See `core.exporters.base.Exporter`. ``out`` is a folder that is new or empty.

    Also raises ExportRefused when no leaf is near any step, or none of those photos can be read.
    """
    images, diseases = images_of(store, only), by_id(store.diseases())
    found: list[Candidate] = []
    measurer, regions, mixed = Measurer(), 0, 0
    for done, image in enumerate(images, start=1):
        outlined = checked_regions(store, image)
        regions += len(outlined)
        for leaf in measurer.measure(outlined).leaves:
            if leaf.number and leaf.areas.severity:
                alone = len(leaf.diseases) == 1
                found += [_candidate(image, leaf, diseases)] if alone else []
                mixed += not alone
        if progress:
            progress(done, len(images))
    sheets, unread = _sheets(store, found, diseases.values())
    drawn = [sheet for sheet in sheets if sheet.drawn]
    if not drawn:
        raise ExportRefused(_why_none(unread))
    with files.whole_folder(out) as draft:
        _draw(draft, [sheet.picture(store.name) for sheet in drawn])
        _write_key(draft / "sad.csv", store, drawn)
    notes = (_chosen_among(len(found), len(images)), *_notes(sheets, mixed, unread))
    return ExportReport(out, len(images), regions, notes)


def _candidate(
    image: LeafImage, leaf: LeafMeasures, diseases: Mapping[DiseaseId, Disease]
) -> Candidate:
    """Lesions without a name are of the disease that the photo is said to have."""
    label = diseases.get(image.disease) if image.disease is not None else None
    said = None if label is None or label.healthy else label.id
    assert leaf.number is not None
    assert leaf.areas.severity is not None
    return Candidate(image, leaf.number, leaf.areas.severity, leaf.diseases[0] or said)


def nearest(found: Sequence[Candidate], step: float) -> list[Candidate]:
    """Those that may stand for ``step`` (%), nearest first; of equals the one added first."""
    reach = max(NEAR * step, LEAST)
    near = [c for c in found if abs(c.severity - step) <= reach]
    return sorted(near, key=lambda c: abs(c.severity - step))


def _sheets(
    store: ProjectStore, found: Sequence[Candidate], diseases: Iterable[Disease]
) -> tuple[list[Sheet], frozenset[ImageId]]:
    """One for each disease that any leaf has, and the photos that could not be read."""
    unread: set[ImageId] = set()
    sheets = []
    for disease, name in [*((d.id, d.name) for d in diseases), (None, "")]:
        mine = [c for c in found if c.disease == disease]
        if mine:
            sheets.append(Sheet(name, _drawn(store, mine, unread)))
    return sheets, frozenset(unread)


def _drawn(
    store: ProjectStore, found: Sequence[Candidate], unread: set[ImageId]
) -> Sequence[Drawn]:
    """One for each step that has one; adds to ``unread``."""
    taken: set[tuple[ImageId, int]] = set()
    drawn = []
    for step in STEPS:
        for leaf in nearest(found, step):
            if (leaf.image.id, leaf.number) in taken or leaf.image.id in unread:
                continue
            try:
                drawn.append(Drawn(leaf, step, cut_out(store, leaf)))
            except ImageUnreadable:
                unread.add(leaf.image.id)
                continue
            taken.add((leaf.image.id, leaf.number))
            break
    return sorted(drawn, key=lambda d: d.leaf.severity)


def cut_out(store: ProjectStore, leaf: Candidate) -> Diagram:
    """The leaf's pixels on white, and the same in two tones. Raises ImageUnreadable."""
    image = leaf.image
    rgb = decode_rgb(store.resolve(image), expected_sha256=image.sha256)
    if rgb.shape[:2] != (image.height, image.width):
        raise ImageUnreadable(
            tr("{name} is not of the size it was imported with.", name=Path(image.path).name)
        )
    measured = Measurer().measure(checked_regions(store, image)).leaves
    regions = next(m.regions for m in measured if m.number == leaf.number)
    box = _around([b for r in regions if (b := r.mask.box()) is not None])
    lesion = _union(regions, RegionKind.LESION, box)
    whole = lesion | _union(regions, RegionKind.LEAF, box)
    rows, columns = _without_specks(whole)
    whole, lesion, rgb = whole[rows, columns], lesion[rows, columns], rgb[box[1] :, box[0] :]
    colour = np.where(whole[..., None], rgb[rows, columns], np.uint8(255))
    tones = np.full_like(colour, 255)
    tones[whole], tones[lesion] = LEAF_TONE, LESION_TONE
    upright = colour.shape[0] >= colour.shape[1]
    turn = 0 if upright else 1
    return Diagram(leaf.severity, np.rot90(colour, turn), np.rot90(tones, turn))


def _without_specks(whole: Flags) -> tuple[slice, slice]:
    """Rows and columns of the leaf: stray pixels far off would make it small on the sheet."""
    labels, count = pieces.label(whole)
    areas = pieces.areas(labels, count)
    y, x = np.nonzero(np.isin(labels, 1 + np.flatnonzero(areas >= SPECK * areas.max())))
    return slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)


def _around(boxes: Sequence[Box]) -> Box:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)


def _union(regions: Sequence[Region], kind: RegionKind, box: Box) -> NDArray[np.bool_]:
    out = np.zeros((box[3] - box[1], box[2] - box[0]), bool)
    for region in regions:
        if region.info.kind is kind:
            out |= region.mask.read(box)
    return out


def _draw(folder: Path, pages: Sequence[Image.Image]) -> None:
    for number, page in enumerate(pages, 1):
        name = f"sad_{number}.png" if len(pages) > 1 else "sad.png"
        page.save(folder / name, dpi=(DPI, DPI))
    # Without these Pillow would name the draft and the hour.
    pages[0].save(
        folder / "sad.pdf", save_all=True, append_images=pages[1:], resolution=DPI, quality=95,
        title=tr("Standard area diagrams"), creationDate=None, modDate=None,
    )  # fmt: skip


def _write_key(path: Path, store: ProjectStore, sheets: Sequence[Sheet]) -> None:
    lines = [(page, sheet.name, d) for page, sheet in enumerate(sheets, 1) for d in sheet.drawn]
    names = relative_names([store.resolve(d.leaf.image) for _, _, d in lines])
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["page", "disease", "step_percent", "severity_percent", "photo", "leaf"])
        for (page, disease, drawn), name in zip(lines, names, strict=True):
            leaf = drawn.leaf
            texts = spreadsheets.written([disease, name])
            figures = [f"{drawn.step:g}", f"{leaf.severity:.6g}"]
            table.writerow([page, texts[0], *figures, texts[1], leaf.number])


def _chosen_among(leaves: int, photos: int) -> str:
    return trn(
        "Drawn from {n:,} diseased leaf on {photos}.",
        "Drawn from {n:,} diseased leaves on {photos}.",
        leaves,
        photos=trn("{n:,} photo", "{n:,} photos", photos),
    )


def _notes(sheets: Sequence[Sheet], mixed: int, unread: frozenset[ImageId]) -> tuple[str, ...]:
    notes = [_drawn_text(sheet) for sheet in sheets]
    if mixed:
        notes.append(
            trn(
                "{n:,} leaf with several diseases is left out: a sheet is of one disease.",
                "{n:,} leaves with several diseases are left out: a sheet is of one disease.",
                mixed,
            )
        )
    if unread:
        could = trn("{n:,} photo", "{n:,} photos", len(unread))
        notes.append(
            tr(
                "{could} could not be read; other leaves were drawn where there were some.",
                could=could,
            )
        )
    return tuple(notes)


def _drawn_text(sheet: Sheet) -> str:
    name, steps = sheet.name or tr("not named"), {d.step for d in sheet.drawn}
    missing = ", ".join(f"{step:g} %" for step in STEPS if step not in steps)
    if not steps:
        return tr("{name}: no leaf is near any of {list}; no sheet.", name=name, list=missing)
    drawn = trn("{name}: {n:,} leaf drawn", "{name}: {n:,} leaves drawn", len(steps), name=name)
    return tr("{drawn}, none near {list}.", drawn=drawn, list=missing) if missing else f"{drawn}."


def _why_none(unread: frozenset[ImageId]) -> str:
    if unread:
        return tr(
            "None of the photos of diseased leaves can be read where it was; put them back or "
            "use Photo → Locate moved photos, then export again."
        )
    return tr(
        "No leaf with one disease alone has a severity between 0.5 and 70 % yet; outline the leaf "
        "and its lesions on some photos first."
    )
