"""Where new pixels of a lesion may go: beside the leaf, and over other lesions.

An edit that adds pixels to lesions is made to obey before it is carried out: what it may not have
is taken out of it, and with ``Overlap.TAKE`` out of the lesions that were there. What was drawn
before stays as it is, leaves are not concerned, and undo and redo know no rules. Knows edits and
tiles; knows no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.domain.edits import (
    Change,
    Edit,
    ImageRelabelled,
    PackedTiles,
    PixelsChanged,
    RegionAdded,
    RegionRemoved,
)
from core.domain.ids import RegionId
from core.domain.mask import PACKED, TileKey, TileMask, pack_tile
from core.domain.region import Region, RegionInfo, RegionKind
from core.services.annotate import LabellingSession

Packed = NDArray[np.uint8]


class Overlap(StrEnum):
    """What a new pixel of a lesion does where another lesion is."""

    ALLOW = "allow"
    TAKE = "take"
    KEEP_OUT = "keep_out"


@dataclass(frozen=True, slots=True)
class Rules:
    """``inside_leaf`` asks for a leaf: on a photo without one, lesions may go anywhere."""

    inside_leaf: bool = False
    overlap: Overlap = Overlap.ALLOW


def obey(session: LabellingSession, edit: Edit | None, rules: Rules) -> Edit | None:
    """``edit``, a proposal of ``session``, without what ``rules`` forbid; None when that is all."""
    if edit is None or rules == Rules():
        return edit
    return _Obedient(session, rules).of(edit)


class _Obedient:
    """One edit being looked through."""

    def __init__(self, session: LabellingSession, rules: Rules) -> None:
        self._session, self._rules = session, rules
        regions = session.regions
        self._leaves = [r for r in regions if r.info.kind is RegionKind.LEAF]
        self._lesions = [r for r in regions if r.info.kind is RegionKind.LESION]
        self._fresh: list[Region] = []
        self._lost: dict[RegionId, dict[TileKey, Packed]] = {}

    def of(self, edit: Edit) -> Edit | None:
        gone = {c.region.id for c in edit.changes if isinstance(c, RegionRemoved)}
        self._lesions = [r for r in self._lesions if r.info.id not in gone]
        self._leaves += self._new_leaves(edit)
        changes = [self._change(c) for c in edit.changes if not isinstance(c, ImageRelabelled)]
        kept = [c for c in changes if c is not None]
        if not kept:
            return None
        changed = {c.region: n for n, c in enumerate(kept) if isinstance(c, PixelsChanged)}
        for region, lost in self._lost.items():
            if region in changed:  # cut off by the same edit that changes it
                before = kept[changed[region]]
                assert isinstance(before, PixelsChanged)
                kept[changed[region]] = self._without(region, _xor(before.delta, lost))
            else:
                kept.append(self._without(region, lost))
        return self._session.edit(edit.title, *kept)

    def _new_leaves(self, edit: Edit) -> list[Region]:
        return [
            self._region(c.region, c.tiles)
            for c in edit.changes
            if isinstance(c, RegionAdded) and c.region.kind is RegionKind.LEAF
        ]

    def _region(self, info: RegionInfo, tiles: PackedTiles) -> Region:
        size = (self._session.image.width, self._session.image.height)
        return Region(info, TileMask.from_packed(*size, tiles))

    def _change(self, change: Change) -> Change | None:
        match change:
            case RegionAdded(info, tiles) if info.kind is RegionKind.LESION:
                allowed = self._allowed(info, tiles, None)
                if not allowed:
                    return None
                self._fresh.append(self._region(info, allowed))
                return RegionAdded(info, allowed)
            case PixelsChanged(region, delta):
                found = self._session.region(region)
                if found is None or found.info.kind is not RegionKind.LESION:
                    return change
                allowed = self._allowed(found.info, delta, found)
                # Another outline, none of which may be there, leaves the region as it is.
                left = bool(allowed) and _leaves_something(found, allowed)
                return PixelsChanged(region, allowed) if left else None
        return change

    def _allowed(self, info: RegionInfo, delta: PackedTiles, region: Region | None) -> PackedTiles:
        """``delta`` with only those of its new pixels that the rules allow."""
        out: dict[TileKey, Packed] = {}
        others = [r for r in self._lesions if r.info.id != info.id]
        for key, change in delta.items():
            there = _tile(region, key)
            new = change if there is None else change & ~there
            rest = change & ~new
            if self._rules.inside_leaf and self._leaves:
                new = new & _any(self._leaves, key)
            if self._rules.overlap is not Overlap.ALLOW:  # of new ones the first has the pixel
                new = new & ~_any(self._fresh, key)
            if self._rules.overlap is Overlap.KEEP_OUT:
                new = new & ~_any(others, key)
            if self._rules.overlap is Overlap.TAKE and new.any():
                self._take(others, key, new)
            if (new | rest).any():
                out[key] = new | rest
        return out

    def _take(self, others: list[Region], key: TileKey, new: Packed) -> None:
        for region in others:
            there = _tile(region, key)
            if there is not None and (there & new).any():
                lost = self._lost.setdefault(region.info.id, {})
                lost[key] = lost.get(key, np.zeros_like(new)) | (there & new)

    def _without(self, region: RegionId, lost: PackedTiles) -> Change:
        """Its pixels are taken; with the last of them it goes itself."""
        found = self._session.region(region)
        assert found is not None
        if _leaves_something(found, lost):
            return PixelsChanged(region, lost)
        return RegionRemoved(found.info, found.mask.packed())


def _leaves_something(region: Region, delta: PackedTiles) -> bool:
    after = region.mask.copy()
    after.apply_delta(delta)
    return bool(after.tiles)


def _tile(region: Region | None, key: TileKey) -> Packed | None:
    tile = None if region is None else region.mask.tiles.get(key)
    return None if tile is None else pack_tile(tile)


def _any(regions: list[Region], key: TileKey) -> Packed:
    tiles = [r.mask.tiles[key] for r in regions if key in r.mask.tiles]
    return pack_tile(np.any(tiles, axis=0)) if tiles else np.zeros(PACKED, np.uint8)


def _xor(one: PackedTiles, other: PackedTiles) -> PackedTiles:
    out = dict(one)
    for key, tile in other.items():
        out[key] = out[key] ^ tile if key in out else tile
    return {key: tile for key, tile in out.items() if tile.any()}
