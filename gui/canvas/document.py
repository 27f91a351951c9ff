"""What the canvas shows of one photo: its size, its regions and their colours.

A mirror without rights: whoever edits regions (the labelling session) changes the `Region` objects
and then says here what changed. Knows the domain and Qt signals; knows no widget and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal

from core.domain.disease import LEAF_COLOUR, UNNAMED_LESION_COLOUR
from core.domain.ids import RegionId
from core.domain.mask import TILE, Box, TileKey, Tiles, clip_box
from core.domain.region import Region, RegionInfo, RegionKind

Palette = Callable[[RegionInfo], str]


def plain_palette(info: RegionInfo) -> str:
    """Leaves in green, lesions in pink: for photos without named diseases."""
    return LEAF_COLOUR if info.kind is RegionKind.LEAF else UNNAMED_LESION_COLOUR


class CanvasDocument(QObject):
    """``changed`` carries the photo box (x0, y0, x1, y1) whose pixels differ; ``regionsChanged``
    follows a different list, order, colour or active region.

    Region ids are 63-bit numbers and travel as Python objects.
    """

    changed = Signal(object)
    regionsChanged = Signal()

    def __init__(
        self,
        size: tuple[int, int],
        regions: Iterable[Region] = (),
        *,
        palette: Palette = plain_palette,
        parent: QObject | None = None,
    ) -> None:
        """``size`` is the photo's (width, height) as displayed."""
        super().__init__(parent)
        self.size = size
        self.palette = palette
        self.new_colour = UNNAMED_LESION_COLOUR
        """Colour of a stroke that has no region yet."""
        self._regions = list(regions)
        self._active: RegionId | None = None
        self._near: dict[TileKey, list[Region]] = {}
        """Regions with pixels in a tile: found once, until something changes."""

    @property
    def regions(self) -> list[Region]:
        """In the order they are listed; drawn leaves first, then lesions, later ones on top."""
        return self._regions

    def set_regions(self, regions: Iterable[Region]) -> None:
        """Another list. An active region that is not in it is active no more."""
        self._regions = list(regions)
        self._near.clear()
        if self._active is not None and self.region(self._active) is None:
            self._active = None
        self.regionsChanged.emit()

    def set_palette(self, palette: Palette) -> None:
        """Colours by region (``#rrggbb``); also call it when a disease changed its colour."""
        self.palette = palette
        self.regionsChanged.emit()

    @property
    def active_id(self) -> RegionId | None:
        return self._active

    @property
    def active(self) -> Region | None:
        """The region that the brush and the eraser change."""
        return None if self._active is None else self.region(self._active)

    def set_active(self, region_id: RegionId | None) -> None:
        """Choose the active region; an id that is not in the list means none."""
        wanted = region_id if region_id is not None and self.region(region_id) else None
        if wanted != self._active:
            self._active = wanted
            self.regionsChanged.emit()

    def region(self, region_id: RegionId) -> Region | None:
        return next((r for r in self._regions if r.info.id == region_id), None)

    def region_at(self, x: float, y: float) -> Region | None:
        """The topmost region at a photo point: later lesions first, leaves last."""
        at = int(x // 1), int(y // 1)
        tile = at[1] // TILE, at[0] // TILE
        if tile not in self._near:
            self._near[tile] = [r for r in self._regions if tile in r.mask.tiles]
        hits = [r for r in self._near[tile] if r.mask.contains(*at)]
        lesions = [r for r in hits if r.info.kind is RegionKind.LESION]
        return (lesions or hits)[-1] if hits else None

    def pixels_changed(self, box: Box) -> None:
        """Say that the regions differ inside ``box``."""
        self._near.clear()
        cut = clip_box(box, *self.size)
        if cut[2] > cut[0] and cut[3] > cut[1]:
            self.changed.emit(cut)

    def tiles_changed(self, tiles: Tiles) -> None:
        """Say that the regions differ in the tiles of a delta (after undo, say)."""
        for row, col in tiles:
            self.pixels_changed((col * TILE, row * TILE, (col + 1) * TILE, (row + 1) * TILE))
