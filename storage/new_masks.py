"""Regions that arrive together with a photo, as rows.

Knows domain regions and the codec; touches no database.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from core.domain.mask import TileKey
from core.errors import Bug
from core.geometry import areas
from core.geometry.areas import Group
from core.ports import NewImage
from storage import mask_codec
from storage.mapping import areas_values, region_values
from storage.mask_codec import Packed

Values = dict[str, Any]


def mask_rows(new: NewImage) -> tuple[Values, list[Values], list[Values]]:
    """The photo's cached columns, its region rows and its tile rows. Raises Bug on a misfit."""
    size = (new.image.width, new.image.height)
    regions: list[Values] = []
    tiles: list[Values] = []
    stacks: dict[TileKey, list[tuple[Group, Packed]]] = defaultdict(list)
    for region in new.regions:
        info, mask = region.info, region.mask
        if info.image_id != new.image.id or (mask.width, mask.height) != size:
            raise Bug(f"region {info.id} does not fit the photo it came with")
        digests = []
        for key, packed in mask.packed().items():
            if not mask_codec.fits(key, packed, size):
                raise Bug(f"region {info.id} has pixels outside its photo")
            row = tile_row(info.id, key, packed)
            tiles.append(row)
            digests.append((key, row["sha256"]))
            stacks[key].append(((info.kind, info.disease), packed))
        regions.append({**region_values(info), "mask_sha256": mask_codec.mask_digest(digests)})
    return areas_values(areas.count(stacks.values()), len(regions)), regions, tiles


def tile_row(region: int, key: TileKey, packed: Packed) -> Values:
    """One tile as column values."""
    sha256, data = mask_codec.encode(region, key, packed)
    return {
        "region_id": region,
        "tile_row": key[0],
        "tile_col": key[1],
        "sha256": sha256,
        "data": data,
    }
