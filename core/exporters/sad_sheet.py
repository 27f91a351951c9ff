"""Draws one sheet of standard area diagrams: leaves in rising severity, each with its two tones.

Knows pixels and Pillow; knows no project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core.domain.disease import is_shown
from core.domain.mask import Box
from core.language import number_text, tr

DPI = 200
PAGE = (2339, 1654)
MARGIN, GAP, COLUMNS = 100, 60, 3
HEAD, CAPTION = 130, 80
INK, QUIET = "#1a1a1a", "#5c5c5c"
Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Diagram:
    """A leaf cut out on white, [h, w, 3] uint8 each, the higher side upright.

    ``severity`` in %.
    """

    severity: float
    colour: Rgb
    tones: Rgb


def draw(diagrams: Sequence[Diagram], disease: str, project: str) -> Image.Image:
    """The sheet, A4 landscape at 200 dpi: a cell for each diagram, in rising order.

    ``disease`` is "" where the lesions have no name.
    """
    sheet = Image.new("RGB", PAGE, "white")
    pen = ImageDraw.Draw(sheet)
    line = PAGE[0] - 2 * MARGIN
    pen.text((MARGIN, MARGIN - 30), _cut(_title(disease), _font(52), line), INK, _font(52))
    under = tr("Severity: diseased area in % of the leaf, measured on each leaf shown.")
    pen.text((MARGIN, MARGIN + 40), under, QUIET, _font(30))
    if _has_letters(project):
        room = line - _font(30).getlength(under) - GAP
        corner = (PAGE[0] - MARGIN, MARGIN + 40)
        pen.text(corner, _cut(project, _font(30), room), QUIET, _font(30), anchor="ra")
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
    text = percent(diagram.severity)
    pen = ImageDraw.Draw(sheet)
    pen.text(((x0 + x1) // 2, y1 - CAPTION // 2), text, INK, _font(44), anchor="mm")


def _title(disease: str) -> str:
    if not disease or not _has_letters(disease):
        return tr("Standard area diagrams")
    return tr("Standard area diagrams: {name}", name=disease)


def _has_letters(text: str) -> bool:
    """Whether Pillow's own font, which is the same everywhere, can write ``text``."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return is_shown(text)


def percent(severity: float) -> str:
    """As it stands under a leaf: one decimal below 10 %, none above."""
    return f"{number_text(severity, '.1f' if severity < 9.95 else '.0f')} %"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: float) -> str:
    """As much of ``text`` as there is room for."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"
