"""How many pixels the regions of a photo cover, counted tile by tile from packed bits.

Overlaps count once: every figure is the size of a union. Counts of disjoint sets of tiles add up,
which lets a stroke update a photo's figures from the tiles it touched alone. Knows numpy and the
domain; knows no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.domain.ids import DiseaseId
from core.domain.region import RegionKind

Group = tuple[RegionKind, DiseaseId | None]
Stack = Iterable[tuple[Group, NDArray[np.uint8]]]
"""The packed tiles of all regions at one place, each with its kind and disease."""


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


def severity_percent(*, leaf: int, lesion: int, cover: int) -> float | None:
    """Lesion pixels in percent of leaf and lesion together; a pixel that is both counts as lesion.

    ``cover`` is the union of both. None where no leaf is outlined.
    """
    return 100.0 * lesion / cover if leaf > 0 else None


def count(stacks: Iterable[Stack]) -> Areas:
    """The areas over ``stacks``, one for each place in the grid of tiles."""
    groups: dict[Group, int] = {}
    leaf = lesion = cover = 0
    for stack in stacks:
        unions: dict[Group, NDArray[np.uint64]] = {}
        for group, packed in stack:
            words = packed.view(np.uint64)
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
