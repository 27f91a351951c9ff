"""The regions of a photo as coloured pixels: one class per colour, composed tile by tile.

Leaves are painted first, lesions in their order on top, the active lesion last so that its outline
is never hidden. Only tiles whose regions changed are composed again, and colour is looked up for
the visible window alone, so that cost follows the screen and the edit, not the photo. Knows regions
and palettes; knows no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from core.domain.mask import Box, TileKey, clip_box
from core.domain.region import Region, RegionKind
from gui.canvas.class_pyramid import ClassPyramid, tile_box, tile_cuts
from gui.canvas.dashes import LIGHT, THICK, gaps
from gui.canvas.document import CanvasDocument
from gui.canvas.hatching import bit, lines, pattern_of
from gui.canvas.sampling import Window, to_image
from gui.canvas.stroke import Stroke

ACTIVE_LEAF = 1
ACTIVE_LESION = 126
NEW_STROKE = 127
EDGE = 128
"""Added to a number: the outline of it."""
RING = EDGE
"""Background has no outline: its place is free for the ring that sets white off from paper, and
for the gaps of dashes."""
WHITE = EDGE + ACTIVE_LEAF
"""The outline of the leaf that is active; the gaps of dashes in a dark colour."""
LEAVES, LESIONS = range(2, 21), range(21, 126)
"""Numbers of colours. Leaves are lower: where several meet in one pixel, the lesion shows."""
SMALL_EDIT = 24
LEAF_FILL = 0.25
"""A leaf is most of the photo: it gets this part of the opacity, so that lesions can be seen."""
HATCH_GAIN = 0.4
"""How much more solid than the fill the lines of a pattern are."""
ACTIVE_FILL = 0.7
"""The active region is being looked at closely: less paint, and a white outline instead."""


class MaskMode(StrEnum):
    """How regions are drawn."""

    FILL = "fill"
    OUTLINE = "outline"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class _Painted:
    region: Region
    number: int

    def looks_like(self, other: _Painted) -> bool:
        return self.number == other.number and self.region.mask is other.region.mask


def premultiplied(colour: str | QColor, alpha: float) -> int:
    """0xAARRGGBB with the colour multiplied by ``alpha`` (0–1), as QImage wants it."""
    c = QColor(colour)
    r, g, b = (round(v * alpha) for v in (c.red(), c.green(), c.blue()))
    return (round(255 * alpha) << 24) | (r << 16) | (g << 8) | b


def coloured(numbers: NDArray[np.uint8], table: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """``table[numbers]`` for 256 colours; several times as fast."""
    import cv2

    picture: NDArray[np.uint32] = cv2.LUT(numbers, table.view(np.int32)[None]).view(np.uint32)
    return picture


def _marked(numbers: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``table[numbers]`` for 256 sets of bits."""
    import cv2

    found: NDArray[np.uint8] = cv2.LUT(numbers, table)
    return found


def edges(numbers: NDArray[np.uint8], thickness: int) -> NDArray[np.bool_]:
    """Pixels with a lower number within ``thickness``: the inner rim of every shape."""
    import cv2

    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1,) * 2)
    found: NDArray[np.bool_] = numbers > cv2.erode(numbers, cross)
    return found


def _mark(numbers: NDArray[np.uint8], rims: NDArray[np.bool_]) -> None:
    """Add `EDGE` in place where ``rims`` are: several times as fast as with ``where``."""
    np.bitwise_or(numbers, rims.view(np.uint8) * np.uint8(EDGE), out=numbers)


def _around(flags: NDArray[np.bool_], rim: int) -> tuple[slice, slice] | None:
    """The rectangle of the set pixels with a rim, or None when there are none."""
    rows, columns = np.flatnonzero(flags.any(axis=1)), np.flatnonzero(flags.any(axis=0))
    if not len(rows):
        return None
    top, left = max(0, int(rows[0]) - rim), max(0, int(columns[0]) - rim)
    return slice(top, int(rows[-1]) + rim + 1), slice(left, int(columns[-1]) + rim + 1)


class MaskLayer:
    """Draws the regions of ``document``. ``stroke`` is shown on top of the region it changes."""

    def __init__(self, document: CanvasDocument) -> None:
        self.document = document
        self.opacity = 0.45
        self.mode = MaskMode.FILL
        self.hatched = False
        self.line = 1
        """Thickness of outlines in device pixels."""
        self.stroke: Stroke | None = None
        self._classes = ClassPyramid.blank(document.size)
        self._painted: list[_Painted] = []
        self._numbers: dict[tuple[bool, str], int] = {}
        self._colours: dict[int, str] = {}
        self._pending: set[TileKey] = set()
        self._at: dict[TileKey, list[_Painted]] = {}
        self._lut = np.zeros(256, np.uint32)
        self._ink = np.zeros(256, np.uint32)
        self._bits = np.zeros(256, np.uint8)
        self._dashes = np.zeros(256, np.uint8)
        self._gaps = np.full(256, RING, np.uint8)
        self.sync()

    @property
    def pending(self) -> bool:
        """Whether tiles wait to be composed."""
        return bool(self._pending)

    @property
    def _stands_out(self) -> bool:
        """Whether a region may be drawn that is active or being painted."""
        active = self._colours.keys() & {ACTIVE_LEAF, ACTIVE_LESION}
        return bool(active) or self.stroke is not None or self.pending

    def sync(self) -> None:
        """Take over the document's list, order, colours and active region.

        Tiles of regions that came, went, or changed their place or colour wait for ``work``.
        """
        self._at.clear()
        before = {p.region.info.id: p for p in self._painted}
        self._painted = self._ordered()
        after = {p.region.info.id: p for p in self._painted}
        for key in before.keys() | after.keys():
            old, new = before.get(key), after.get(key)
            if old is None or new is None or not old.looks_like(new):
                for painted in (old, new):
                    self._pending.update(painted.region.mask.tiles if painted else ())
        if [k for k in before if k in after] != [k for k in after if k in before]:
            for painted in self._painted:
                self._pending.update(painted.region.mask.tiles)
        self._recolour()

    def show_stroke(self, stroke: Stroke | None, box: Box | None) -> None:
        """Draw ``stroke`` from now on, which is new inside ``box``; None ends the one before."""
        if stroke is not self.stroke:
            self._at.clear()
            self._pending.update(self.stroke.painted if self.stroke is not None else ())
        self.stroke = stroke
        if box is not None:
            self._take_in(box)

    def restyle(self, *, opacity: float, mode: MaskMode, hatched: bool) -> None:
        """Opacity 0–1, how regions are drawn, and whether lesions carry their disease's pattern:
        lines over the fill, dashes where there are outlines alone.
        """
        self.opacity, self.mode, self.hatched = opacity, mode, hatched
        self._recolour()

    def refresh(self, box: Box) -> None:
        """The regions differ inside the photo ``box``; large changes wait for ``work``."""
        self._at.clear()
        self._take_in(box)

    def _take_in(self, box: Box) -> None:
        cuts = list(tile_cuts(clip_box(box, *self.document.size)))
        if len(cuts) > SMALL_EDIT:
            self._pending.update(key for key, _, _ in cuts)
            return
        for key, inner, outer in cuts:
            if key not in self._pending:
                self._compose(key, inner, outer)
        self._classes.update(box)

    def work(self, tiles: int, *, visible: Box) -> list[Box]:
        """Compose up to ``tiles`` waiting tiles, visible ones first; gives their photo boxes."""
        size = self.document.size
        wanted = [k for k, _, _ in tile_cuts(clip_box(visible, *size)) if k in self._pending]
        if not wanted:
            wanted = sorted(self._pending)
        done = []
        for key in wanted[:tiles]:
            self._pending.discard(key)
            box = tile_box(key, size)
            for _, inner, outer in tile_cuts(box):
                self._compose(key, inner, outer)
            self._classes.update(box)
            done.append(box)
        return done

    def render(self, window: Window) -> QImage | None:
        """The window in colour, or None when there is nothing to draw in it."""
        if self.mode is MaskMode.HIDDEN:
            return None
        rim = 3 * self.line
        numbers = self._classes.sample(window.grown(rim))
        if not numbers.any():
            return None
        bare = numbers.copy() if self._dashes.any() else None
        self._outline(numbers)
        if bare is not None:
            dashed = _marked(numbers, self._dashes)
            places = gaps(bare, dashed, window.grown(rim), self.line)
            np.put(numbers, places, self._gaps[numbers.ravel()[places]])
        numbers = np.ascontiguousarray(numbers[rim:-rim, rim:-rim])
        picture = coloured(numbers, self._lut)
        if self._bits.any():
            self._hatch(picture, numbers, window)
        return to_image(picture, opaque=False)

    def _hatch(
        self, picture: NDArray[np.uint32], numbers: NDArray[np.uint8], window: Window
    ) -> None:
        """Draw the patterns over the fill, in place."""
        import cv2

        inked = _marked(numbers, self._bits)
        inked &= lines(window, self.line)
        cv2.copyTo(coloured(numbers, self._ink).view(np.int32), inked, picture.view(np.int32))

    def _outline(self, numbers: NDArray[np.uint8]) -> None:
        """Mark outlines in place: leaves, and dashes, twice as wide, the active region white in a
        dark ring.
        """
        rims = edges(numbers, THICK * self.line)
        if not (self.hatched and self.mode is MaskMode.OUTLINE):
            rims = edges(numbers, self.line) | ((numbers <= LEAVES[-1]) & rims)
        if not self._stands_out:
            _mark(numbers, rims)
            return
        strong = (numbers >= ACTIVE_LESION) | (numbers == ACTIVE_LEAF)
        near = _around(strong, 3 * self.line)
        if near is None:
            _mark(numbers, rims)
            return
        close, active = numbers[near], strong[near]
        rims[near] |= active & edges(close, 3 * self.line)
        ring = active & edges(close, self.line)
        _mark(numbers, rims)
        np.copyto(close, RING, where=ring)

    def _ordered(self) -> list[_Painted]:
        """Leaves, lesions, the active lesion; each with the number of its colour."""
        active = self.document.active_id
        used: dict[tuple[bool, str], int] = {}
        leaves: list[_Painted] = []
        lesions: list[_Painted] = []
        top: list[_Painted] = []
        self._colours = {NEW_STROKE: self.document.new_colour}
        for region in self.document.regions:
            colour, leaf = self.document.palette(region.info), region.info.kind is RegionKind.LEAF
            if region.info.id == active:
                number = ACTIVE_LEAF if leaf else ACTIVE_LESION
            else:
                number = used[leaf, colour] = self._number(leaf=leaf, colour=colour, used=used)
            self._colours[number] = colour
            group = leaves if leaf else top if number == ACTIVE_LESION else lesions
            group.append(_Painted(region, number))
        self._numbers = used
        return leaves + lesions + top

    def _number(self, *, leaf: bool, colour: str, used: dict[tuple[bool, str], int]) -> int:
        """The number a colour had before, else a free one: a new colour repaints no other."""
        known = used.get((leaf, colour)) or self._numbers.get((leaf, colour))
        if known:
            return known
        taken = {*used.values(), *self._numbers.values()}
        span = LEAVES if leaf else LESIONS
        # More colours than numbers: the last ones look alike, but nothing is left out.
        return next((n for n in span if n not in taken), span[-1])

    def _recolour(self) -> None:
        self._lut[:] = self._ink[:] = self._bits[:] = self._dashes[:] = 0
        self._lut[RING], self._lut[WHITE] = premultiplied("#000000", 0.7), premultiplied("#fff", 1)
        for number, colour in self._colours.items():
            strong = number in (ACTIVE_LEAF, ACTIVE_LESION, NEW_STROKE)
            fill = self.opacity * (LEAF_FILL if number <= LEAVES[-1] else 1)
            fill *= ACTIVE_FILL if strong else 1
            marked = bit(pattern_of(colour)) if self.hatched and number > LEAVES[-1] else 0
            if self.mode is MaskMode.OUTLINE:
                self._dashes[EDGE + number] = 0 if strong else marked
                self._gaps[EDGE + number] = RING if QColor(colour).lightness() > LIGHT else WHITE
            if self.mode is MaskMode.FILL:
                self._lut[number] = premultiplied(colour, fill)
                if marked:
                    self._bits[number] = marked
                    self._ink[number] = premultiplied(colour, min(1.0, fill + HATCH_GAIN))
            self._lut[EDGE + number] = (
                premultiplied("#ffffff", 1.0) if strong else premultiplied(colour, 0.95)
            )

    def _compose(
        self, key: TileKey, inner: tuple[slice, slice], outer: tuple[slice, slice]
    ) -> None:
        """Paint one tile, or a part of it, from the regions."""
        target = self._classes.base[outer]
        target[...] = 0
        stroke = self.stroke
        for painted in self._regions_at(key):
            tile = painted.region.mask.tiles.get(key)
            if stroke is not None and stroke.region_id == painted.region.info.id:
                tile = stroke.shown(key, tile)
            if tile is not None:
                np.copyto(target, painted.number, where=tile[inner])
        if stroke is not None and stroke.region_id is None:
            tile = stroke.shown(key, None)
            if tile is not None:
                np.copyto(target, NEW_STROKE, where=tile[inner])

    def _regions_at(self, key: TileKey) -> list[_Painted]:
        """The regions with pixels in a tile, and the one being painted; remembered for the next
        move of the brush.
        """
        found = self._at.get(key)
        if found is None:
            changing = self.stroke.region_id if self.stroke is not None else None
            found = self._at[key] = [
                p
                for p in self._painted
                if key in p.region.mask.tiles or p.region.info.id == changing
            ]
        return found
