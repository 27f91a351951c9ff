"""Finds weights that are no numbers, in files, before anything is computed with them.

One NaN in a weight makes every loss NaN, after an hour of loading and looking; kept in 4 bits it
may even become some number. A float is infinite where all bits of its exponent are set and NaN
where more are, so nothing has to be computed: files are read once, at the speed of the disk. A
bound that stands alone may be infinite, as those are between which Gemma 4 clips. Knows the
safetensors format; loads no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.training.model_shape import MAX_HEADER, NO_MODEL

FLOATS: dict[str, tuple[str, int]] = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
}
"""Kinds of floats: the whole number of as many bytes, and what infinity is as one."""
BYTES = 1 << 20
"""Read at a time: what the processor's own memory holds."""


def not_finite(file: Path) -> str:
    """The name of the first tensor in a safetensors ``file`` with a value that is NaN, or is
    infinite and not alone.

    "" where there is none. Raises one of `core.training.model_shape.NO_MODEL` for no such file.
    """
    with file.open("rb") as opened:
        for name, kind, begin, length in _floats(opened):
            opened.seek(begin)
            if _holds_one(opened, kind, length):
                return name
    return ""


def first_in(files: list[Path]) -> str:
    """As ``not_finite``, of several files. What cannot be read is left to whoever opens it."""
    for file in files:
        try:
            if found := not_finite(file):
                return found
        except NO_MODEL:
            continue
    return ""


def _floats(file: BinaryIO) -> Iterator[tuple[str, str, int, int]]:
    """(name, kind, place in the file, bytes) of every tensor of floats, as they lie in it."""
    length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER:
        raise ValueError("no header is that long")
    header = json.loads(file.read(length))
    found = []
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in FLOATS:
            begin, end = (int(at) for at in entry["data_offsets"])
            found.append((name, str(entry["dtype"]), 8 + length + begin, end - begin))
    yield from sorted(found, key=lambda one: one[2])


def _holds_one(file: BinaryIO, kind: str, length: int) -> bool:
    whole, infinite = FLOATS[kind]
    one = np.dtype(whole).itemsize
    signless, alone = np.dtype(whole).type((1 << (8 * one - 1)) - 1), length == one
    while length > 0:
        read = file.read(min(length, BYTES))
        if not read:  # cut short
            return False
        length -= len(read)
        values = np.frombuffer(read, whole, count=len(read) // one)
        largest = int((values & signless).max(initial=0))
        if largest > infinite or (largest == infinite and not alone):
            return True
    return False
