"""An action on many photos, or a merge of diseases, as the bytes of a table row, there and back.

A JSON header that says what changed, then the ids it speaks of as 64-bit numbers in its order, all
of it compressed: a hundred thousand photos take 600 KB at most. What is read is checked as if a
stranger had written it. Knows bulk edits and merges; knows no table.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import zstandard
from numpy.typing import NDArray

from core.domain.bulk import Assignment, BulkEdit, Field, Renaming, Values
from core.domain.disease import Disease, Merged
from core.domain.ids import DiseaseId, ImageId, RegionId, RunId
from core.domain.image import ImageState, Split
from storage.edit_codec import StepDamaged, unfolded

T = TypeVar("T")
_HEAD = struct.Struct(">I")
_NONE = -1
"""Stands for no disease among the ids, which are positive."""


def _disease(value: Any) -> DiseaseId | None:
    return None if value is None else DiseaseId(int(value))


READ: dict[Field, Callable[[Any], object]] = {
    Field.DISEASE: _disease,
    Field.STATE: ImageState,
    Field.SPLIT: Split,
    Field.REMOVED: bool,
    Field.MASK_KNOWN: bool,
}
"""From what a row or a header holds to the domain's value; the others are texts."""


def encode(edit: BulkEdit) -> bytes:
    """The edit without its action, which has a column of its own."""
    head = {
        "title": edit.title,
        "follow": edit.follow,
        "assignments": [[a.values, a.where, len(a.images)] for a in edit.assignments],
        "renamings": len(edit.renamings),
        "label_wrong": edit.label_wrong,
    }
    images = [i for a in edit.assignments for i in a.images]
    lesions = [
        number
        for r in edit.renamings
        for number in (r.image, r.region, _number(r.before), _number(r.after))
    ]
    return _packed(head, [*images, *lesions])


def decode(data: bytes, *, sha256: bytes, action: int, undoes: bool) -> BulkEdit:
    """The inverse of ``encode``. Raises StepDamaged."""
    return _read(data, sha256, lambda head, ids: _edit(head, ids, action=action, undoes=undoes))


def encode_merge(merged: Merged) -> bytes:
    """The merge without its action."""
    parts = (merged.labels, merged.regions, sorted(merged.photos))
    head = {
        "gone": asdict(merged.gone),
        "into": asdict(merged.into),
        "counts": [len(part) for part in parts],
    }
    return _packed(head, [number for part in parts for number in part])


def decode_merge(data: bytes, *, sha256: bytes, action: int) -> Merged:
    """The inverse of ``encode_merge``. Raises StepDamaged."""

    def read(head: dict[str, Any], ids: _Ids) -> Merged:
        labels, regions, photos = (ids.take(int(n)) for n in head["counts"])
        return Merged(
            _read_disease(head["gone"]),
            _read_disease(head["into"]),
            tuple(map(ImageId, labels)),
            tuple(map(RegionId, regions)),
            frozenset(map(ImageId, photos)),
            action,
        )

    return _read(data, sha256, read)


class _Ids:
    """The numbers after the header, taken from the front."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) % 8:
            raise StepDamaged("half a number")
        self._left: NDArray[np.int64] = np.frombuffer(raw, "<i8")

    def take(self, count: int) -> list[int]:
        if not 0 <= count <= len(self._left):
            raise StepDamaged("ids are missing")
        taken, self._left = self._left[:count], self._left[count:]
        return [int(number) for number in taken]

    def end(self) -> None:
        if len(self._left):
            raise StepDamaged("ids too many")


def _packed(head: dict[str, Any], ids: Iterable[int]) -> bytes:
    header = json.dumps(head).encode()
    numbers = np.array(list(ids), "<i8").tobytes()
    raw = b"".join((_HEAD.pack(len(header)), header, numbers))
    return zstandard.ZstdCompressor(level=3).compress(raw)


def _read(data: bytes, sha256: bytes, read: Callable[[dict[str, Any], _Ids], T]) -> T:
    if hashlib.sha256(data).digest() != sha256:
        raise StepDamaged("checksum")
    try:
        raw = unfolded(data)
        (length,) = _HEAD.unpack_from(raw)
        head = json.loads(raw[_HEAD.size : _HEAD.size + length])
        ids = _Ids(raw[_HEAD.size + length :])
        found = read(head, ids)
    except (zstandard.ZstdError, struct.error, ValueError, KeyError, TypeError) as error:
        raise StepDamaged(str(error)) from error
    ids.end()
    return found


def _edit(head: dict[str, Any], ids: _Ids, *, action: int, undoes: bool) -> BulkEdit:
    assignments = tuple(
        Assignment(_values(values), tuple(map(ImageId, ids.take(int(count)))), _values(where))
        for values, where, count in head["assignments"]
    )
    lesions = ids.take(4 * int(head["renamings"]))
    renamings = tuple(
        Renaming(ImageId(image), RegionId(region), _named(before), _named(after))
        for image, region, before, after in zip(*[iter(lesions)] * 4, strict=True)
    )
    wrong = tuple((RunId(str(run)), ImageId(int(image))) for run, image in head["label_wrong"])
    return BulkEdit(
        str(head["title"]), assignments, renamings, bool(head["follow"]), wrong, action, undoes
    )


def _values(found: dict[str, Any]) -> Values:
    return {Field(name): READ.get(Field(name), str)(value) for name, value in found.items()}


def _read_disease(found: dict[str, Any]) -> Disease:
    hotkey = found["hotkey"]
    return Disease(
        DiseaseId(int(found["id"])),
        str(found["name"]),
        str(found["colour"]),
        hotkey=None if hotkey is None else int(hotkey),
        eppo=str(found["eppo"]),
        healthy=bool(found["healthy"]),
        crop=str(found["crop"]),
        synonyms=tuple(str(name) for name in found["synonyms"]),
    )


def _number(disease: DiseaseId | None) -> int:
    return _NONE if disease is None else disease


def _named(number: int) -> DiseaseId | None:
    return None if number == _NONE else DiseaseId(number)
