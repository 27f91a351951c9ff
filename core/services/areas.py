"""How many pixels a photo's regions cover, kept up to date tile by tile while they are edited.

Every figure is the size of a union, so overlaps count once. A stroke recounts the tiles it touched
and no others. Knows tiles and regions; knows no widget and no table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.ids import DiseaseId, RegionId
from core.domain.mask import TileKey
from core.domain.region import Region, RegionKind

LEAF, LESION, COVER = "leaf", "lesion", "cover"
_Key = str | tuple[str, object]


@dataclass(frozen=True, slots=True)
class Figures:
    """Pixels: ``leaf`` and ``lesion`` are unions by kind, ``cover`` the union of both.

    ``diseases`` are the unions of the lesions of each disease (None: not yet named).
    """

    leaf: int
    lesion: int
    cover: int
    diseases: Mapping[DiseaseId | None, int]

    @property
    def severity(self) -> float | None:
        """Lesion / (leaf + lesion) in percent, a pixel that is both counting as lesion.

        None where no leaf is outlined.
        """
        return self._percent(self.lesion)

    def severity_of(self, disease: DiseaseId | None) -> float | None:
        """The share of one disease, in percent. Shares overlap where lesions do."""
        return self._percent(self.diseases.get(disease, 0))

    def _percent(self, pixels: int) -> float | None:
        return 100.0 * pixels / self.cover if self.leaf else None


class AreaBook:
    """Counts per tile, and their sums. ``update`` after every change of pixels or labels."""

    def __init__(self, regions: Iterable[Region] = ()) -> None:
        self._tiles: dict[TileKey, Counter[_Key]] = {}
        self._sums: Counter[_Key] = Counter()
        regions = list(regions)
        self.update({key for r in regions for key in r.mask.tiles}, regions)

    def update(self, keys: Iterable[TileKey], regions: Iterable[Region]) -> None:
        """Recount ``keys``; ``regions`` are all the regions of the photo, as they are now."""
        regions = list(regions)
        for key in keys:
            self._sums.subtract(self._tiles.pop(key, Counter()))
            counts = _count(key, regions)
            if counts:
                self._tiles[key] = counts
                self._sums.update(counts)

    def figures(self) -> Figures:
        """The sums as they are now."""
        diseases = {
            key[1]: n for key, n in self._sums.items() if isinstance(key, tuple) and n
            and key[0] == "disease"
        }  # fmt: skip
        return Figures(
            self._sums[LEAF], self._sums[LESION], self._sums[COVER],
            diseases,  # type: ignore[arg-type]
        )  # fmt: skip

    def region(self, region: RegionId) -> int:
        """Pixels of one region."""
        return self._sums[("region", region)]


def _count(key: TileKey, regions: Iterable[Region]) -> Counter[_Key]:
    counts: Counter[_Key] = Counter()
    unions: dict[_Key, NDArray[np.bool_]] = {}
    for region in regions:
        tile = region.mask.tiles.get(key)
        if tile is None:
            continue
        counts[("region", region.info.id)] = int(np.count_nonzero(tile))
        groups: list[_Key] = [COVER, LEAF if region.info.kind is RegionKind.LEAF else LESION]
        if region.info.kind is RegionKind.LESION:
            groups.append(("disease", region.info.disease))
        for group in groups:
            unions[group] = unions[group] | tile if group in unions else tile
    for group, union in unions.items():
        counts[group] = int(np.count_nonzero(union))
    return counts
