"""Works one edit into the rows of one photo, inside the caller's transaction.

The tiles an edit touches are loaded once, for every region of the photo, because the cached areas
are unions: what a stroke adds depends on what lies under it. Changes happen in memory; ``flush``
writes the difference. Knows rows, tiles and areas; begins and ends no transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.orm import Session

from core.domain.edits import (
    Change,
    ImageRelabelled,
    PixelsChanged,
    RegionAdded,
    RegionRelabelled,
    RegionRemoved,
)
from core.domain.ids import RegionId
from core.domain.mask import PACKED, TileKey
from core.domain.region import RegionInfo
from core.errors import Bug, ProjectDamaged
from core.geometry import areas
from core.geometry.areas import Areas, Group
from core.language import tr
from storage import mask_codec
from storage.mapping import areas_from, areas_values, label_from, region_from, region_values
from storage.mask_codec import Packed, TileDamaged
from storage.new_masks import tile_row
from storage.tables import ImageRow, RegionRow, TileRow

Place = dict[RegionId, Packed]
"""The tiles of all regions at one key."""


class EditWork:
    """One edit under way. Call ``apply`` for each change, then ``flush`` once."""

    def __init__(self, session: Session, photo: ImageRow) -> None:
        self._session = session
        self._photo = photo
        rows = session.scalars(select(RegionRow).where(RegionRow.image_id == photo.id))
        self._stored = {info.id: info for info in map(region_from, rows)}
        self._regions = dict(self._stored)
        self._places: dict[TileKey, Place] = {}
        self._stored_places: dict[TileKey, Place] = {}
        self._before = Areas()
        self._removed: set[RegionId] = set()

    def apply(self, change: Change) -> None:
        """Raises Bug when the change does not fit, ProjectDamaged when a tile in the way is bad."""
        match change:
            case RegionAdded(info, tiles):
                self._add(info, tiles)
            case RegionRemoved(info, _):
                self._remove(self._known(info.id))
            case RegionRelabelled(_, after):
                self._relabel(change.of(self._regions[self._known(after.id)]))
            case PixelsChanged(region, delta):
                self._xor(self._known(region), delta)
            case ImageRelabelled():
                label = change.of(label_from(self._photo))
                self._photo.disease_id = label.disease
                self._photo.state = label.state.value
                self._photo.mask_known = label.mask_known
                self._photo.done_by = label.done_by
                self._photo.checked_by = label.checked_by

    def flush(self) -> None:
        """Write what differs from the stored rows, and the photo's cached areas with it."""
        self._flush_regions()
        dirty = self._flush_tiles()
        for region in dirty & self._regions.keys():
            self._sign(region)
        if self._places or self._regions.keys() != self._stored.keys():
            after = areas_from(self._photo).plus(self._before, -1).plus(self._count())
            for name, value in areas_values(after, len(self._regions)).items():
                setattr(self._photo, name, value)

    # -- changes in memory

    def _add(self, info: RegionInfo, tiles: Mapping[TileKey, Packed]) -> None:
        if info.id in self._regions or info.image_id != self._photo.id:
            raise Bug(f"region {info.id} cannot be added to photo {self._photo.id}")
        self._must_fit(info.id, tiles)
        self._touch(tiles)
        self._regions[info.id] = info
        for key, packed in tiles.items():
            self._place(key, info.id, packed)

    def _remove(self, region: RegionId) -> None:
        self._touch(self._keys(region))
        for place in self._places.values():
            place.pop(region, None)
        del self._regions[region]
        self._removed.add(region)

    def _relabel(self, after: RegionInfo) -> None:
        before = self._regions[after.id]
        if after.image_id != before.image_id:
            raise Bug(f"region {after.id} cannot move to another photo")
        if _group(after) != _group(before):
            self._touch(self._keys(after.id))
        self._regions[after.id] = after

    def _xor(self, region: RegionId, delta: Mapping[TileKey, Packed]) -> None:
        self._must_fit(region, delta)
        self._touch(delta)
        for key, packed in delta.items():
            before = self._places[key].get(region)
            self._place(key, region, packed if before is None else before ^ packed)

    def _known(self, region: RegionId) -> RegionId:
        if region not in self._regions:
            raise Bug(f"region {region} is not on photo {self._photo.id}")
        return region

    def _must_fit(self, region: RegionId, tiles: Mapping[TileKey, Packed]) -> None:
        size = (self._photo.width, self._photo.height)
        for key, packed in tiles.items():
            if not mask_codec.fits(key, packed, size):
                raise Bug(f"tile {key} of region {region} is not {PACKED} bytes inside the photo")

    def _place(self, key: TileKey, region: RegionId, packed: Packed) -> None:
        if packed.any():
            self._places[key][region] = packed
        else:
            self._places[key].pop(region, None)

    def _keys(self, region: RegionId) -> set[TileKey]:
        """Where a region has tiles: on disk at places not yet touched, in memory elsewhere."""
        keys = {key for key, place in self._places.items() if region in place}
        if region in self._stored and region not in self._removed:
            stored = select(TileRow.tile_row, TileRow.tile_col).where(TileRow.region_id == region)
            keys |= {(row, col) for row, col in self._session.execute(stored)}
        return keys

    # -- loading

    def _touch(self, keys: Iterable[TileKey]) -> None:
        """Load every region's tile at ``keys`` and count them as they were."""
        new = set(keys) - self._places.keys()
        if not new:
            return
        loaded = self._load(new)
        self._before = self._before.plus(areas.count(self._stack(loaded[key]) for key in new))
        self._places |= loaded
        self._stored_places |= {key: dict(place) for key, place in loaded.items()}

    def _load(self, keys: set[TileKey]) -> dict[TileKey, Place]:
        rows, cols = {row for row, _ in keys}, {col for _, col in keys}
        found = self._session.execute(
            select(
                TileRow.region_id, TileRow.tile_row, TileRow.tile_col, TileRow.sha256, TileRow.data
            )
            .join(RegionRow, RegionRow.id == TileRow.region_id)
            .where(
                RegionRow.image_id == self._photo.id,
                TileRow.tile_row.between(min(rows), max(rows)),
                TileRow.tile_col.between(min(cols), max(cols)),
            )
        )
        places: dict[TileKey, Place] = {key: {} for key in keys}
        for region, row, col, sha256, data in found:
            if (row, col) in places:
                tile = self._decode(region, (row, col), sha256=sha256, data=data)
                places[row, col][RegionId(region)] = tile
        return places

    def _decode(self, region: int, key: TileKey, *, sha256: bytes, data: bytes) -> Packed:
        try:
            return mask_codec.decode(region, key, sha256=sha256, data=data)
        except TileDamaged as error:
            raise ProjectDamaged(
                tr(
                    "The mask of region {region} on photo {name} is damaged ({error}), so "
                    "nothing can be added to it; bring it back from the newest file in the "
                    "project's backups folder.",
                    region=region,
                    name=self._photo.name,
                    error=error,
                )
            ) from error

    def _stack(self, place: Place) -> list[tuple[Group, Packed]]:
        # A region that was loaded is stored under the labels it has now: relabelling touches all
        # of its places first.
        return [(_group(self._regions[region]), packed) for region, packed in place.items()]

    def _count(self) -> Areas:
        return areas.count(self._stack(place) for place in self._places.values())

    # -- writing

    def _flush_regions(self) -> None:
        gone = (self._stored.keys() - self._regions.keys()) | (self._removed & self._stored.keys())
        for region in gone:
            self._session.execute(delete(TileRow).where(TileRow.region_id == region))
            self._session.execute(delete(RegionRow).where(RegionRow.id == region))
        for region, info in self._regions.items():
            if region not in self._stored or region in gone:
                values = {**region_values(info), "mask_sha256": mask_codec.EMPTY_MASK}
                self._session.execute(insert(RegionRow), [values])
            elif info != self._stored[region]:
                changed = update(RegionRow).where(RegionRow.id == region)
                self._session.execute(changed.values(region_values(info)))
        for place in self._stored_places.values():
            for region in gone:
                place.pop(region, None)

    def _flush_tiles(self) -> set[RegionId]:
        """Write changed tiles; the regions they belong to."""
        dirty: set[RegionId] = set()
        for key, place in self._places.items():
            stored = self._stored_places[key]
            for region in place.keys() | stored.keys():
                before, after = stored.get(region), place.get(region)
                if before is None or after is None or not np.array_equal(before, after):
                    dirty.add(region)
                    self._write_tile(region, key, after, stored=before is not None)
        return dirty

    def _write_tile(
        self, region: RegionId, key: TileKey, packed: Packed | None, *, stored: bool
    ) -> None:
        at = and_(
            TileRow.region_id == region, TileRow.tile_row == key[0], TileRow.tile_col == key[1]
        )
        if packed is None:
            self._session.execute(delete(TileRow).where(at))
        elif stored:
            self._session.execute(update(TileRow).where(at).values(tile_row(region, key, packed)))
        else:
            self._session.execute(insert(TileRow), [tile_row(region, key, packed)])

    def _sign(self, region: RegionId) -> None:
        rows = self._session.execute(
            select(TileRow.tile_row, TileRow.tile_col, TileRow.sha256).where(
                TileRow.region_id == region
            )
        )
        digest = mask_codec.mask_digest([((row, col), sha) for row, col, sha in rows])
        signed = update(RegionRow).where(RegionRow.id == region).values(mask_sha256=digest)
        self._session.execute(signed)


def _group(info: RegionInfo) -> Group:
    return (info.kind, info.disease)
