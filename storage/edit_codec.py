"""An edit as the bytes of a table row, there and back.

A JSON header that says what changed, then the packed tiles it speaks of in its order, all of it
compressed. What is read is checked as if a stranger had written it. Knows edits; knows no table.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import zstandard

from core.domain.edits import (
    Change,
    Edit,
    ImageLabel,
    ImageRelabelled,
    PackedTiles,
    PixelsChanged,
    RegionAdded,
    RegionRelabelled,
    RegionRemoved,
)
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import ImageState
from core.domain.mask import PACKED, TileKey
from core.domain.region import RegionInfo, RegionKind

MOST = 256 << 20
"""Bytes that an edit may unfold to: every tile of a dozen leaves on the largest photo."""
_HEAD = struct.Struct(">I")


class StepDamaged(Exception):
    """Bytes that are no edit of ours."""


def encode(edit: Edit) -> bytes:
    """The edit without its action, which has a column of its own."""
    tiles: list[bytes] = []
    changes = [_told(change, tiles) for change in edit.changes]
    header = json.dumps({"title": edit.title, "changes": changes}).encode()
    raw = b"".join((_HEAD.pack(len(header)), header, *tiles))
    return zstandard.ZstdCompressor(level=1).compress(raw)


def decode(data: bytes, image: ImageId, *, action: int, sha256: bytes) -> Edit:
    """The inverse of ``encode``. Raises StepDamaged."""
    if hashlib.sha256(data).digest() != sha256:
        raise StepDamaged("checksum")
    try:
        raw = unfolded(data)
        (length,) = _HEAD.unpack_from(raw)
        found = json.loads(raw[_HEAD.size : _HEAD.size + length])
        tiles = _tiles(memoryview(raw)[_HEAD.size + length :])
        changes = tuple(_change(one, image, tiles) for one in found["changes"])
        title = str(found["title"])
    except (zstandard.ZstdError, struct.error, ValueError, KeyError, TypeError) as error:
        raise StepDamaged(str(error)) from error
    except StopIteration as error:
        raise StepDamaged("tiles are missing") from error
    if next(tiles, None) is not None:
        raise StepDamaged("tiles too many")
    return Edit(image, title, changes, action)


def unfolded(data: bytes) -> bytes:
    """The size is looked at first: a row may claim gigabytes."""
    size = zstandard.frame_content_size(data)
    if not 0 < size <= MOST:
        raise StepDamaged("its size")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)


def _told(change: Change, tiles: list[bytes]) -> dict[str, Any]:
    match change:
        case RegionAdded(region, packed):
            return {"do": "add", "region": _info(region), "tiles": _keys(packed, tiles)}
        case RegionRemoved(region, packed):
            return {"do": "remove", "region": _info(region), "tiles": _keys(packed, tiles)}
        case PixelsChanged(which, delta):
            return {"do": "pixels", "id": which, "tiles": _keys(delta, tiles)}
        case RegionRelabelled(before, after):
            return {"do": "relabel", "before": _info(before), "after": _info(after)}
        case ImageRelabelled(was, now):
            return {"do": "label", "before": _label(was), "after": _label(now)}


def _keys(packed: PackedTiles, tiles: list[bytes]) -> list[TileKey]:
    tiles += [tile.tobytes() for tile in packed.values()]
    return list(packed)


def _info(info: RegionInfo) -> list[Any]:
    return [info.id, info.kind.value, info.disease, info.source, info.author]


def _label(label: ImageLabel) -> list[Any]:
    return [label.disease, *label.progress, label.mask_known]


def _tiles(raw: memoryview) -> Iterator[memoryview]:
    if len(raw) % PACKED:
        raise StepDamaged("half a tile")
    for start in range(0, len(raw), PACKED):
        yield raw[start : start + PACKED]


def _change(found: dict[str, Any], image: ImageId, tiles: Iterator[memoryview]) -> Change:
    match found["do"]:
        case "add":
            return RegionAdded(_read_info(found["region"], image), _read(found["tiles"], tiles))
        case "remove":
            return RegionRemoved(_read_info(found["region"], image), _read(found["tiles"], tiles))
        case "pixels":
            return PixelsChanged(RegionId(int(found["id"])), _read(found["tiles"], tiles))
        case "relabel":
            before, after = (_read_info(found[name], image) for name in ("before", "after"))
            return RegionRelabelled(before, after)
        case "label":
            return ImageRelabelled(_read_label(found["before"]), _read_label(found["after"]))
    raise StepDamaged("an unknown change")


def _read(keys: list[list[int]], tiles: Iterator[memoryview]) -> PackedTiles:
    named = [(int(row), int(col)) for row, col in keys]
    if len(set(named)) != len(named):
        raise StepDamaged("a tile twice")
    return {key: np.frombuffer(next(tiles), np.uint8) for key in named}


def _read_info(found: list[Any], image: ImageId) -> RegionInfo:
    region, kind, disease, source, author = found
    return RegionInfo(
        RegionId(int(region)), image, RegionKind(kind), _disease(disease), str(source), str(author)
    )


def _read_label(found: list[Any]) -> ImageLabel:
    if len(found) == 3:  # of before the names of who finished and checked were kept with it
        disease, state, known = found
        return ImageLabel(_disease(disease), ImageState(state), bool(known))
    disease, state, done_by, checked_by, known = found
    state, names = ImageState(state), (str(done_by), str(checked_by))
    return ImageLabel(_disease(disease), state, bool(known), *names)


def _disease(found: Any) -> DiseaseId | None:
    return None if found is None else DiseaseId(int(found))
