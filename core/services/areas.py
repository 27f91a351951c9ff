"""The figures of an open photo, kept up to date tile by tile while it is edited.

A stroke recounts the tiles it touched and no others. What is counted, and what severity is, says
`core.geometry.areas`. Knows tiles and regions; knows no widget and no table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from core.domain.ids import RegionId
from core.domain.mask import TileKey
from core.domain.region import Region
from core.geometry.areas import Areas, Stack, count


class AreaBook:
    """Counts per tile, and their sums. ``update`` after every change of pixels or labels."""

    def __init__(self, regions: Iterable[Region] = ()) -> None:
        self._tiles: dict[TileKey, Areas] = {}
        self._pixels: dict[TileKey, Counter[RegionId]] = {}
        self._sum = Areas()
        self._regions: Counter[RegionId] = Counter()
        regions = list(regions)
        self.update({key for r in regions for key in r.mask.tiles}, regions)

    def update(self, keys: Iterable[TileKey], regions: Iterable[Region]) -> None:
        """Recount ``keys``; ``regions`` are all the regions of the photo, as they are now."""
        regions = list(regions)
        for key in keys:
            here = [r for r in regions if key in r.mask.tiles]
            stack: Stack = [((r.info.kind, r.info.disease), r.mask.tiles[key]) for r in here]
            after = count([stack])
            self._sum = self._sum.plus(self._tiles.pop(key, Areas()), -1).plus(after)
            self._regions.subtract(self._pixels.pop(key, Counter()))
            if here:
                self._tiles[key] = after
                pixels = ((r.info.id, int(np.count_nonzero(r.mask.tiles[key]))) for r in here)
                self._pixels[key] = Counter(dict(pixels))
                self._regions.update(self._pixels[key])

    def figures(self) -> Areas:
        """The sums as they are now."""
        return self._sum

    def region(self, region: RegionId) -> int:
        """Pixels of one region."""
        return self._regions[region]
