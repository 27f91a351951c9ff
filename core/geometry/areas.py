"""How many pixels the regions of a photo cover, counted tile by tile.

Overlaps count once: every figure is the size of a union. Counts of disjoint sets of tiles add up,
which lets a stroke update a photo's figures from the tiles it touched alone. The rule is stated
here once: the open photo and the store both count with it, each from its own form of tiles. Knows
numpy and the domain; knows no table and no widget.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.domain.ids import DiseaseId
from core.domain.region import RegionKind
from core.geometry.severity import severity_percent

Group = tuple[RegionKind, DiseaseId | None]
Tile = NDArray[np.uint8] | NDArray[np.bool_]
Stack = Iterable[tuple[Group, Tile]]
"""The tiles of all regions at one place, each with its kind and disease: all packed bits, or all
[h, w] bool. A whole number of eight bytes each."""


@dataclass(frozen=True, slots=True)
class Areas:
    """Union sizes in pixels: by kind and disease, of all leaf, all lesion, and all regions."""

    groups: dict[Group, int] = field(default_factory=dict)
    leaf: int = 0
    lesion: int = 0
    cover: int = 0

    def plus(self, other: Areas, sign: int = 1) -> Areas:
        """Sum over disjoint tiles; ``sign=-1`` takes ``other`` away. Groups that reach 0 go."""
        groups = dict(self.groups)
        for group, pixels in other.groups.items():
            groups[group] = groups.get(group, 0) + sign * pixels
        return Areas(
            {group: pixels for group, pixels in groups.items() if pixels},
            self.leaf + sign * other.leaf,
            self.lesion + sign * other.lesion,
            self.cover + sign * other.cover,
        )

    @property
    def severity(self) -> float | None:
        """Lesion / (leaf + lesion) in percent; None where no leaf is outlined."""
        return severity_percent(leaf=self.leaf, lesion=self.lesion, cover=self.cover)

    @property
    def diseases(self) -> dict[DiseaseId | None, int]:
        """The unions of the lesions of each disease in pixels (None: not yet named)."""
        lesions = ((d, n) for (kind, d), n in self.groups.items() if kind is RegionKind.LESION)
        return dict(lesions)

    def severity_of(self, disease: DiseaseId | None) -> float | None:
        """One disease in percent of the same whole. Shares overlap where lesions do."""
        lesion = self.groups.get((RegionKind.LESION, disease), 0)
        return severity_percent(leaf=self.leaf, lesion=lesion, cover=self.cover)


def count(stacks: Iterable[Stack]) -> Areas:
    """The areas over ``stacks``, one for each place in the grid of tiles."""
    groups: dict[Group, int] = {}
    leaf = lesion = cover = 0
    for stack in stacks:
        unions: dict[Group, NDArray[np.uint64]] = {}
        for group, tile in stack:
            # Of packed bits and of bools alike, the set pixels are the set bits.
            words = tile.reshape(-1).view(np.uint64)
            before = unions.get(group)
            unions[group] = words if before is None else before | words
        for group, union in unions.items():
            groups[group] = groups.get(group, 0) + _pixels(union)
        parts = {kind: _union(unions, kind) for kind in RegionKind}
        leaf += _pixels(parts[RegionKind.LEAF])
        lesion += _pixels(parts[RegionKind.LESION])
        cover += _pixels(parts[RegionKind.LEAF] | parts[RegionKind.LESION])
    return Areas({g: p for g, p in groups.items() if p}, leaf, lesion, cover)


_NOTHING = np.zeros(1, np.uint64)  # broadcasts against any tile


def _union(unions: dict[Group, NDArray[np.uint64]], kind: RegionKind) -> NDArray[np.uint64]:
    out = _NOTHING
    for group, words in unions.items():
        if group[0] is kind:
            out = out | words
    return out


def _pixels(words: NDArray[np.uint64]) -> int:
    return int(np.bitwise_count(words).sum(dtype=np.int64))
