"""A sheet of standard area diagrams, drawn from the project's own leaves.

    OUT/sad.png, OUT/sad.pdf   leaves at rising severity, in true colour and in two tones
    OUT/sad.csv                which leaf of which photo each is

Raters who have such diagrams beside them estimate severity more accurately (Del Ponte et al. 2017,
Phytopathology 107, 1161–1174; steps that rise faster than linearly, as there). The same project
gives the same sheet, byte for byte. Knows pixels and Pillow; measures nothing itself.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core import files, spreadsheets
from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.domain.mask import Box
from core.domain.region import Region, RegionKind
from core.errors import ExportRefused, ImageUnreadable
from core.exporters.base import (
    ExporterSpec,
    ExportReport,
    Progress,
    all_images,
    checked_regions,
    relative_names,
)
from core.imaging.decode import decode_rgb
from core.language import number_text, tr, trn
from core.ports import ProjectStore
from core.services.severity import Measurer

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

DPI = 200
PAGE = (2339, 1654)
MARGIN, GAP, COLUMNS = 100, 60, 3
HEAD, CAPTION = 130, 80
INK, QUIET, LEAF_TONE, LESION_TONE = "#1a1a1a", "#5c5c5c", (214, 222, 208), (38, 30, 26)
Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A diseased leaf of the project; ``number`` 1… is the leaf's on its photo."""

    image: LeafImage
    number: int
    severity: float


@dataclass(frozen=True, slots=True, eq=False)
class Diagram:
    """A leaf cut out on white, [h, w, 3] uint8 each, the higher side upright."""

    leaf: Candidate
    step: float
    colour: Rgb
    tones: Rgb


def write(store: ProjectStore, out: Path, *, progress: Progress | None = None) -> ExportReport:
    """See `core.exporters.base.Exporter`. ``out`` is a folder that is new or empty.

    Also raises ExportRefused when no leaf is near any step, or none of those photos can be read.
    """
    images = all_images(store)
    found: list[Candidate] = []
    measurer, regions = Measurer(), 0
    for done, image in enumerate(images, start=1):
        outlined = checked_regions(store, image)
        regions += len(outlined)
        found += [
            Candidate(image, leaf.number, leaf.areas.severity)
            for leaf in measurer.measure(outlined).leaves
            if leaf.number and leaf.areas.severity
        ]
        if progress:
            progress(done, len(images))
    diagrams, unread = _drawn(store, found)
    if not diagrams:
        raise ExportRefused(_why_none(unread))
    with files.whole_folder(out) as draft:
        sheet = draw(diagrams, store.name)
        sheet.save(draft / "sad.png", dpi=(DPI, DPI))
        # Without these Pillow would name the draft and the hour.
        sheet.save(
            draft / "sad.pdf", resolution=DPI, quality=95,
            title=tr("Standard area diagrams"), creationDate=None, modDate=None,
        )  # fmt: skip
        _write_key(draft / "sad.csv", store, diagrams)
    return ExportReport(out, len(images), regions, _notes(diagrams, unread))


def nearest(found: Sequence[Candidate], step: float) -> list[Candidate]:
    """Those that may stand for ``step`` (%), nearest first; of equals the one added first."""
    reach = max(NEAR * step, LEAST)
    near = [c for c in found if abs(c.severity - step) <= reach]
    return sorted(near, key=lambda c: abs(c.severity - step))


def _drawn(
    store: ProjectStore, found: Sequence[Candidate]
) -> tuple[list[Diagram], frozenset[ImageId]]:
    """A diagram for each step that has one, and the photos that could not be read."""
    taken: set[tuple[ImageId, int]] = set()
    unread: set[ImageId] = set()
    diagrams = []
    for step in STEPS:
        for leaf in nearest(found, step):
            if (leaf.image.id, leaf.number) in taken or leaf.image.id in unread:
                continue
            try:
                diagrams.append(cut_out(store, leaf, step))
            except ImageUnreadable:
                unread.add(leaf.image.id)
                continue
            taken.add((leaf.image.id, leaf.number))
            break
    return sorted(diagrams, key=lambda d: d.leaf.severity), frozenset(unread)


def cut_out(store: ProjectStore, leaf: Candidate, step: float) -> Diagram:
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
    colour = np.where(whole[..., None], rgb[box[1] : box[3], box[0] : box[2]], np.uint8(255))
    tones = np.full_like(colour, 255)
    tones[whole], tones[lesion] = LEAF_TONE, LESION_TONE
    upright = colour.shape[0] >= colour.shape[1]
    turn = 0 if upright else 1
    return Diagram(leaf, step, np.rot90(colour, turn), np.rot90(tones, turn))


def _around(boxes: Sequence[Box]) -> Box:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)


def _union(regions: Sequence[Region], kind: RegionKind, box: Box) -> NDArray[np.bool_]:
    out = np.zeros((box[3] - box[1], box[2] - box[0]), bool)
    for region in regions:
        if region.info.kind is kind:
            out |= region.mask.read(box)
    return out


def draw(diagrams: Sequence[Diagram], name: str) -> Image.Image:
    """The sheet, A4 landscape at 200 dpi: a cell for each diagram, in rising order."""
    sheet = Image.new("RGB", PAGE, "white")
    pen = ImageDraw.Draw(sheet)
    title = _cut(_title(name), _font(52), PAGE[0] - 2 * MARGIN)
    pen.text((MARGIN, MARGIN - 30), title, INK, _font(52))
    under = tr("Severity: diseased area in % of the leaf, measured on each leaf shown.")
    pen.text((MARGIN, MARGIN + 40), under, QUIET, _font(30))
    rows = -(-len(diagrams) // COLUMNS)
    columns = -(-len(diagrams) // rows)
    top = MARGIN + HEAD
    width = (PAGE[0] - 2 * MARGIN - (columns - 1) * GAP) // columns
    height = (PAGE[1] - top - MARGIN // 2 - (rows - 1) * GAP // 2) // rows
    for place, diagram in enumerate(diagrams):
        x = MARGIN + place % columns * (width + GAP)
        y = top + place // columns * (height + GAP // 2)
        _draw_cell(sheet, diagram, (x, y, x + width, y + height))
    return sheet


def _draw_cell(sheet: Image.Image, diagram: Diagram, cell: Box) -> None:
    x0, y0, x1, y1 = cell
    room = ((x1 - x0 - GAP // 2) // 2, y1 - y0 - CAPTION)
    for side, pixels in enumerate((diagram.colour, diagram.tones)):
        height, width = pixels.shape[:2]
        scale = min(room[0] / width, room[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        left = x0 + side * (room[0] + GAP // 2) + (room[0] - size[0]) // 2
        sheet.paste(picture, (left, y0 + room[1] - size[1]))
    text = percent(diagram.leaf.severity)
    pen = ImageDraw.Draw(sheet)
    pen.text(((x0 + x1) // 2, y1 - CAPTION // 2), text, INK, _font(44), anchor="mm")


def _title(name: str) -> str:
    """With the project's name where Pillow's own font has its letters, the same everywhere."""
    try:
        name.encode("latin-1")
    except UnicodeEncodeError:
        return tr("Standard area diagrams")
    return tr("Standard area diagrams: {name}", name=name)


def percent(severity: float) -> str:
    """As it stands under a leaf: one decimal below 10 %, none above."""
    return f"{number_text(severity, '.1f' if severity < 9.95 else '.0f')} %"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """As much of ``text`` as there is room for."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


def _write_key(path: Path, store: ProjectStore, diagrams: Sequence[Diagram]) -> None:
    images = [d.leaf.image for d in diagrams]
    names = relative_names([store.resolve(image) for image in images])
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["step_percent", "severity_percent", "photo", "leaf"])
        for diagram, name in zip(diagrams, spreadsheets.written(names), strict=True):
            leaf = diagram.leaf
            table.writerow([f"{diagram.step:g}", f"{leaf.severity:.6g}", name, leaf.number])


def _notes(diagrams: Sequence[Diagram], unread: frozenset[ImageId]) -> tuple[str, ...]:
    notes = [tr("Leaves drawn on the sheet: {count}.", count=len(diagrams))]
    drawn = {d.step for d in diagrams}
    if missing := [f"{step:g} %" for step in STEPS if step not in drawn]:
        notes.append(
            tr("No leaf of the project is near {list}; left out.", list=", ".join(missing))
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


def _why_none(unread: frozenset[ImageId]) -> str:
    if unread:
        return tr(
            "None of the photos of diseased leaves can be read where it was; put them back or "
            "use Photo → Locate moved photos, then export again."
        )
    return tr(
        "No leaf has a severity between 0.5 and 70 % yet; outline the leaf and its lesions on some "
        "photos first."
    )
