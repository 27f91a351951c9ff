"""Severity as phytopathologists report it: per leaf, per disease, lesion by lesion.

* Severity of a disease on a leaf: its lesion pixels in % of leaf ∪ lesions, 0–100
  (`core.geometry.severity`).
* A lesion is one connected piece of one outlined region. Outlines that touch stay two lesions; a
  region that came from a mask picture counts as many lesions as it has pieces.
* Several leaves on a photo: a lesion belongs to the leaf that holds most of its pixels, holes in
  the leaf counting as leaf, because many outline a leaf around its lesions. One that lies on no
  leaf belongs to the one it touches; to none when it touches none. The only leaf of a photo has
  every lesion, so that its severity is the photo's.
* Sizes: median and quartiles by linear interpolation (Hyndman & Fan 1996, The American
  Statistician 50, 361–365, type 7: R's default). The histogram has ⌈log2 n⌉ + 1 classes (Sturges
  1926, Journal of the American Statistical Association 21, 65–66) of equal width in log area,
  because lesion areas are skewed: many specks, few large spots.

Knows regions; knows no store, no widget and no file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.domain.ids import DiseaseId, RegionId
from core.domain.mask import Box, TileKey, TileMask
from core.domain.region import Region, RegionInfo, RegionKind
from core.geometry import pieces
from core.geometry.areas import Areas
from core.geometry.pieces import Flags, Shape
from core.services.areas import AreaBook

Tiles = Mapping[TileKey, Flags]
KEPT_PIXELS = 1 << 22
"""Regions in a larger box are cut anew each time: what is kept takes four bytes a pixel."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion. ``leaf`` is the region it lies on, None for none.

    ``area`` in pixels. ``shape`` is None unless shapes were asked for.
    """

    region: RegionId
    disease: DiseaseId | None
    leaf: RegionId | None
    area: int
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large lesions are, in the unit of the areas given (pixels, mm²).

    ``counts`` has one more entry less than ``edges``: class i holds areas from ``edges[i]`` up to,
    and only in the last class including, ``edges[i + 1]``.
    """

    count: int
    smallest: float
    lower: float
    median: float
    upper: float
    largest: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LeafMeasures:
    """One leaf, ``number`` 1… in the order of outlining; ``areas`` count it and its lesions.

    The lesions that lie on no leaf have ``number`` and ``leaf`` None, and no severity. ``regions``
    are the pixels behind it: the leaf, and of its lesions what is on it.
    """

    number: int | None
    leaf: RegionId | None
    areas: Areas
    lesions: tuple[Lesion, ...]
    regions: tuple[Region, ...] = field(default=(), compare=False, repr=False)

    def of(self, disease: DiseaseId | None) -> list[Lesion]:
        """The lesions of one disease."""
        return [lesion for lesion in self.lesions if lesion.disease == disease]

    @property
    def diseases(self) -> list[DiseaseId | None]:
        """Those with a lesion here, in the order of their ids; the unnamed last."""
        found = {lesion.disease for lesion in self.lesions}
        return sorted(found, key=lambda d: (d is None, d or 0))


@dataclass(frozen=True, slots=True)
class PhotoMeasures:
    """A photo. ``areas`` are of all of it, ``leaves`` in order, what lies on none last."""

    areas: Areas = field(default_factory=Areas)
    leaves: tuple[LeafMeasures, ...] = ()

    @property
    def lesions(self) -> list[Lesion]:
        return [lesion for leaf in self.leaves for lesion in leaf.lesions]

    def of(self, disease: DiseaseId | None) -> list[Lesion]:
        """The lesions of one disease on the whole photo."""
        return [lesion for lesion in self.lesions if lesion.disease == disease]


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """The part of a region inside its ``box``, with its pieces numbered 1…"""

    info: RegionInfo
    box: Box
    labels: pieces.Labels
    count: int


def sizes(areas: ArrayLike) -> Sizes | None:
    """The distribution of positive areas; None where there are none."""
    values = np.sort(np.asarray(areas, float))
    if not len(values):
        return None
    low, lower, median, upper, high = np.percentile(values, (0, 25, 50, 75, 100))
    if low == high:
        edges = np.array([low, high])
    else:
        classes = math.ceil(math.log2(len(values))) + 1
        edges = np.geomspace(low, high, classes + 1)
        edges[[0, -1]] = low, high  # geomspace rounds, and no lesion may fall out
    # A single size has one class without width, which histogram() would widen.
    counts = [len(values)] if low == high else np.histogram(values, edges)[0].tolist()
    return Sizes(
        len(values), float(low), float(lower), float(median), float(upper), float(high),
        tuple(edges.tolist()), tuple(int(n) for n in counts),
    )  # fmt: skip


class Measurer:
    """Measures a photo again and again while it is edited: unchanged regions are not cut anew.

    Give it regions whose tiles are not written to meanwhile (`frozen`). For one thread at a time.
    """

    def __init__(self) -> None:
        self._known: dict[RegionId, tuple[Tiles, _Cut]] = {}

    def measure(self, regions: Sequence[Region], *, shapes: bool = False) -> PhotoMeasures:
        """All of one photo's regions, in their order; ``shapes`` fills in ``Lesion.shape``."""
        leaves = [r for r in regions if r.info.kind is RegionKind.LEAF and r.mask.tiles]
        spots = [r for r in regions if r.info.kind is RegionKind.LESION]
        cuts = [(r, cut) for r in spots if (cut := self._cut(r)) is not None]
        here = {r.info.id for r in spots}
        self._known = {key: known for key, known in self._known.items() if key in here}
        grounds = [_Ground(leaf) for leaf in leaves] if len(leaves) > 1 else []
        only = leaves[0].info.id if len(leaves) == 1 else None
        owners = [_owners(cut, grounds) if grounds else [only] * cut.count for _, cut in cuts]
        found = [_lesions(cut, mine, shapes) for (_, cut), mine in zip(cuts, owners, strict=True)]
        whole = AreaBook(regions).figures()
        if len(leaves) < 2:
            mine = tuple(lesion for some in found for lesion in some)
            number = 1 if leaves else None
            one = LeafMeasures(number, only, whole, mine, tuple(regions))
            return PhotoMeasures(whole, (one,) if leaves or mine else ())
        parts = [(r, cut, mine) for (r, cut), mine in zip(cuts, owners, strict=True)]
        measured = [
            _on_leaf(number, leaf, parts, found) for number, leaf in enumerate([*leaves, None], 1)
        ]
        return PhotoMeasures(whole, tuple(m for m in measured if m.leaf or m.lesions))

    def _cut(self, region: Region) -> _Cut | None:
        known = self._known.get(region.info.id)
        tiles = region.mask.tiles
        if known is not None and _same(known[0], tiles):
            cut = _Cut(region.info, known[1].box, known[1].labels, known[1].count)
        else:
            box = region.mask.box()
            if box is None:
                return None
            labels, count = pieces.label(region.mask.read(box))
            cut = _Cut(region.info, box, labels, count)
        if cut.labels.size <= KEPT_PIXELS:
            self._known[region.info.id] = (dict(tiles), cut)
        return cut


def frozen(regions: Sequence[Region]) -> list[Region]:
    """The regions as they are now, for another thread: edits replace tiles, they never write
    into them, so that nothing needs to be copied but the lists."""
    return [Region(r.info, TileMask(r.mask.width, r.mask.height, dict(r.mask.tiles)))
            for r in regions]  # fmt: skip


def _same(one: Tiles, other: Tiles) -> bool:
    return len(one) == len(other) and all(other.get(k) is tile for k, tile in one.items())


class _Ground:
    """What a leaf's outline encloses."""

    def __init__(self, leaf: Region) -> None:
        self.id = leaf.info.id
        box = leaf.mask.box()
        assert box is not None
        inside = pieces.filled(leaf.mask.read(box))
        self._mask = TileMask.from_array(
            inside, (box[0], box[1]), (leaf.mask.width, leaf.mask.height)
        )

    def read(self, box: Box) -> Flags:
        return self._mask.read(box)


def _owners(cut: _Cut, grounds: Sequence[_Ground]) -> list[RegionId | None]:
    """For each piece the leaf that holds most of it; of equal ones the first."""
    x0, y0, x1, y1 = cut.box
    held = np.array([_held(cut.labels, g.read(cut.box), cut.count) for g in grounds])
    lost = np.flatnonzero(held.max(axis=0) == 0)
    if len(lost):
        # The neighbours of pieces that lie on no leaf: what they touch.
        around = np.pad(cut.labels, 1)
        ring = cv2.dilate(around.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int32)
        wide = (x0 - 1, y0 - 1, x1 + 1, y1 + 1)
        touched = np.array([_held(ring, g.read(wide), cut.count) for g in grounds])
        held[:, lost] = touched[:, lost]
    best, most = held.argmax(axis=0), held.max(axis=0)
    return [grounds[b].id if m else None for b, m in zip(best, most, strict=True)]


def _held(labels: pieces.Labels, ground: Flags, count: int) -> NDArray[np.int64]:
    return pieces.areas(np.where(ground, labels, 0), count)


def _lesions(cut: _Cut, owners: Sequence[RegionId | None], shapes: bool) -> list[Lesion]:
    areas = pieces.areas(cut.labels, cut.count)
    known: Sequence[Shape | None] = [None] * cut.count
    if shapes:
        known = pieces.shapes(cut.labels, cut.count, (cut.box[0], cut.box[1]))
    return [
        Lesion(cut.info.id, cut.info.disease, owner, int(area), shape)
        for owner, area, shape in zip(owners, areas, known, strict=True)
    ]


def _on_leaf(
    number: int,
    leaf: Region | None,
    parts: Sequence[tuple[Region, _Cut, list[RegionId | None]]],
    found: Sequence[list[Lesion]],
) -> LeafMeasures:
    """One leaf (or none) with the pieces that are its, and only those."""
    key = leaf.info.id if leaf else None
    regions = [leaf] if leaf else []
    for region, cut, owners in parts:
        mine = [i for i, owner in enumerate(owners, 1) if owner == key]
        if len(mine) == cut.count:
            regions.append(region)
        elif mine:
            mask = TileMask(region.mask.width, region.mask.height)
            mask.write(cut.box, np.isin(cut.labels, mine))
            regions.append(Region(region.info, mask))
    lesions = tuple(lesion for some in found for lesion in some if lesion.leaf == key)
    areas = AreaBook(regions).figures()
    return LeafMeasures(number if leaf else None, key, areas, lesions, tuple(regions))
