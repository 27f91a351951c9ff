"""Embeddings in a folder: one safetensors file each, the least recently used go first.

Nothing here is precious. A file that is damaged, foreign or of something else counts as absent and
is written anew; where nothing can be written, work goes on without. Several processes may use one
folder: files are replaced whole. Knows files; knows no engine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings.key import CANDIDATES, NAME, EmbeddingKey
from core.engines.base import Embedding
from core.errors import DiskFull, ExportRefused
from core.files import whole_file
from core.language import tr

FOLDER = "embeddings"
"""In a project's folder."""
LARGEST = 256 << 20
"""Bytes of one file; none of ours comes near."""
LARGEST_HEADER = 1 << 16
KINDS = {
    "": (np.float16, np.float32),
    CANDIDATES: (np.int32, np.uint32, np.float64),
}
"""Of the arrays in a file, by what it holds."""
STALE = 3600.0
"""Seconds after which a draft was left behind by a process that died."""


class EmbeddingStore:
    """``budget`` is what all files together may take, in bytes; 0 writes nothing, None anything."""

    def __init__(self, folder: Path, budget: int | None = None) -> None:
        self.folder, self.budget = folder, budget
        if budget != 0:
            self._sweep()

    def has(self, key: EmbeddingKey) -> bool:
        """Whether there is a file; what is in it shows when it is read."""
        return (self.folder / key.file_name).is_file()

    def get(self, key: EmbeddingKey) -> Embedding | None:
        """The arrays, or None. Counts as a use."""
        path = self.folder / key.file_name
        data = _bytes_of(path)
        found = None if data is None else read(data, key)
        if found is not None:
            with contextlib.suppress(OSError):  # a folder that may only be read
                os.utime(path)
        return found

    def put(self, key: EmbeddingKey, embedding: Embedding) -> bool:
        """Whether it lies there now; what was used longest ago makes room."""
        try:
            self.write(key, pack(key, embedding))
        except (DiskFull, ExportRefused):
            return False
        return True

    def write(self, key: EmbeddingKey, data: bytes) -> None:
        """``data`` as ``pack`` makes it. Raises DiskFull or ExportRefused with a sentence."""
        if self.budget is not None:
            if len(data) > self.budget:
                raise ExportRefused(
                    tr(
                        "The space set aside for prepared photos is too small; "
                        "allow more in the settings."
                    )
                )
            self._make_room(len(data))
        with whole_file(self.folder / key.file_name) as draft:
            draft.write_bytes(data)

    def drop(self, key: EmbeddingKey) -> None:
        """Take one away that turned out to be of no use."""
        with contextlib.suppress(OSError):
            (self.folder / key.file_name).unlink(missing_ok=True)

    def contents(self) -> Iterator[tuple[EmbeddingKey, int]]:
        """(what it is of, bytes) of each, by its header alone; what is damaged is passed over."""
        for _, size, path in self._files():
            key = _key_of(path)
            if key is not None and key.file_name == path.name:
                yield key, size

    def size(self) -> int:
        """Bytes of all embeddings in the folder."""
        return sum(size for _, size, _ in self._files())

    def _make_room(self, needed: int) -> None:
        files = sorted(self._files())
        held = sum(size for _, size, _ in files)
        for _, size, path in files:
            if held + needed <= (self.budget or 0):
                return
            with contextlib.suppress(OSError):  # another process was faster, or has it open
                path.unlink()
                held -= size

    def _files(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of each; nothing that is not ours."""
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name):
                    with contextlib.suppress(OSError):
                        seen = entry.stat(follow_symlinks=False)
                        found.append((seen.st_mtime, seen.st_size, Path(entry.path)))
        return found

    def _sweep(self) -> None:
        with contextlib.suppress(OSError):
            for draft in self.folder.glob(".*.safetensors.*.tmp"):
                if time.time() - draft.stat().st_mtime > STALE:
                    draft.unlink()


def pack(key: EmbeddingKey, embedding: Embedding) -> bytes:
    """A safetensors file whose header says what it is of and carries the arrays' digest."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in embedding.items()}
    return save(arrays, metadata=key.fields() | {"digest": _digest(arrays)})


def read(data: bytes, key: EmbeddingKey) -> Embedding | None:
    """The arrays of a file that ``pack`` made for ``key``; None for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = header_of(data)
    wanted = {"what": ""} | key.fields()
    if header is None or any(header.get(name, "") != text for name, text in wanted.items()):
        return None
    try:
        arrays: dict[str, NDArray[Any]] = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError):
        return None
    if any(array.dtype not in KINDS[key.what] for array in arrays.values()):
        return None
    return arrays if _digest(arrays) == header.get("digest") else None


def header_of(data: bytes) -> dict[str, str] | None:
    """The texts in a safetensors file's header; None when it has none."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > LARGEST_HEADER:
            return None
        found = json.loads(data[8 : 8 + length])["__metadata__"]
        return {str(name): str(text) for name, text in found.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _key_of(path: Path) -> EmbeddingKey | None:
    try:
        with path.open("rb") as file:
            header = header_of(file.read(8 + LARGEST_HEADER))
        return None if header is None else EmbeddingKey.of_fields(header)
    except (OSError, ValueError):
        return None


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of names, shapes, kinds and bytes: safetensors itself notices no flipped bit."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        whole.update(f"{name}{array.shape}{array.dtype}".encode())
        whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()


def _bytes_of(path: Path) -> bytes | None:
    # Read, not mapped: a file on a stick that is pulled out must not end the process.
    try:
        if path.stat().st_size > LARGEST:
            return None
        return path.read_bytes()
    except OSError:
        return None
