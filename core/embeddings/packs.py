"""Embeddings as one file that another machine takes in: a workstation looks, a laptop clicks.

An uncompressed zip of the store's files and a manifest with their SHA-256. A pack is a stranger's
file: only what the manifest names, in the names that belong to its photos, at the sizes it says, is
read, and nothing outside the store's folder is ever written. Knows files; knows no engine and no
project.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.embeddings.key import FORMAT, EmbeddingKey, Maker
from core.embeddings.store import LARGEST, EmbeddingStore, read
from core.errors import ImportRefused
from core.files import need_space, sha256, whole_file
from core.language import tr

MANIFEST = "manifest.json"
KIND = "leafspot-embeddings"
LARGEST_MANIFEST = 64 << 20
"""Bytes: three hundred thousand photos."""
NO_ZIP = (
    zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, RuntimeError, OverflowError,
    struct.error,
)  # fmt: skip
"""What the library raises over a file that is no zip, or one that is encrypted, or of a later
version than it knows."""

Progress = Callable[[int, int], None]
Accepts = Callable[[Maker], bool]
Cancelled = Callable[[], bool]
"""Asked between two photos."""


class Stopped(Exception):
    """The person does not want the pack any more."""


def _never() -> bool:
    return False


@dataclass
class PackReport:
    """What came of a pack: ``other_photos`` are not in the project, ``other_makers`` of another
    engine or weights than are of use, ``damaged`` names the files that are not what they say.
    ``candidates`` were taken in beside; the other numbers are of looks alone."""

    taken: int = 0
    candidates: int = 0
    there: int = 0
    other_photos: int = 0
    other_makers: int = 0
    damaged: list[str] = field(default_factory=list)
    cancelled: bool = False

    @property
    def total(self) -> int:
        """Entries looked at."""
        whole = self.taken + self.there + self.other_photos + self.other_makers
        return whole + len(self.damaged)


def write_pack(
    store: EmbeddingStore,
    keys: Sequence[EmbeddingKey],
    path: Path,
    *,
    progress: Progress,
    cancelled: Cancelled = _never,
) -> int:
    """A pack at ``path`` of those ``keys`` that lie in ``store``; how many looks that are, without
    the candidates beside them.

    Raises DiskFull or ExportRefused, and Stopped when ``cancelled`` says so; what was at ``path``
    before stays then.
    """
    files = [(key, store.folder / key.file_name) for key in keys if store.has(key)]
    need_space(path.parent, sum(file.stat().st_size for _, file in files), what=tr("The pack"))
    entries = []
    with whole_file(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for done, (key, file) in enumerate(files, 1):
            if cancelled():
                raise Stopped
            entry = {"file": file.name, "size": file.stat().st_size, "sha256": sha256(file)}
            entries.append(entry | {"key": key.fields()})
            with file.open("rb") as source, archive.open(_member(file), "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            progress(done, len(files))
        manifest = {"kind": KIND, "format": FORMAT, "entries": entries}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    return sum(1 for key, _ in files if not key.what)


def read_pack(
    path: Path,
    store: EmbeddingStore,
    *,
    photos: Collection[str],
    accepts: Accepts,
    progress: Progress,
    cancelled: Cancelled = _never,
) -> PackReport:
    """Take into ``store`` what a pack has of ``photos`` (SHA-256) by makers that are accepted.

    When ``cancelled`` says so, what was taken in stays. Raises ImportRefused for a file that is no
    pack, DiskFull when the space ends.
    """
    report = PackReport()
    with _opened(path) as archive:
        entries = _entries(path, archive)
        for done, entry in enumerate(entries, 1):
            if cancelled():
                report.cancelled = True
                break
            _take(archive, entry, store, photos=photos, accepts=accepts, report=report)
            progress(done, len(entries))
    return report


def listed(path: Path) -> list[tuple[EmbeddingKey, int]]:
    """(what it is of, bytes) of each entry that a pack's manifest names; nothing else is read.

    Raises ImportRefused for a file that is no pack.
    """
    found = []
    with _opened(path) as archive:
        for entry in _entries(path, archive):
            with contextlib.suppress(KeyError, ValueError, TypeError, OverflowError):
                size = min(max(0, int(entry["size"])), LARGEST)
                found.append((EmbeddingKey.of_fields(entry["key"]), size))
    return found


def _member(file: Path) -> zipfile.ZipInfo:
    """A fixed date, so that the same embeddings make the same pack."""
    return zipfile.ZipInfo(file.name, (1980, 1, 1, 0, 0, 0))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with _archive(path) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError) as error:
        raise _no_pack(path) from error
    except OSError as error:
        raise ImportRefused(
            path,
            tr(
                "The pack cannot be read ({value}); check its name and its drive.",
                value=error.strerror or error,
            ),
        ) from error


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except NO_ZIP as error:
        raise _no_pack(path) from error


def _no_pack(path: Path) -> ImportRefused:
    return ImportRefused(
        path,
        tr(
            "This is no pack of prepared photos, or it is damaged. Copy it again, or make one on "
            "the other machine: File, Prepared photos, Export a pack; in a terminal "
            "“leafspot embed PROJECT --engine ID --out PACK”."
        ),
    )


def _entries(path: Path, archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    try:
        found = archive.getinfo(MANIFEST)
        if found.file_size > LARGEST_MANIFEST or found.compress_type != zipfile.ZIP_STORED:
            raise _no_pack(path)
        manifest = json.loads(archive.read(found))
        entries = manifest["entries"]
        if manifest["kind"] != KIND or not isinstance(entries, list):
            raise _no_pack(path)
        newer = manifest["format"] != FORMAT
    except (KeyError, TypeError, *NO_ZIP) as error:
        raise _no_pack(path) from error
    if newer:
        raise ImportRefused(
            path,
            tr("The pack was made by another version of Leafspot; make it again with this one."),
        )
    return [entry for entry in entries if isinstance(entry, dict)]


def _take(
    archive: zipfile.ZipFile,
    entry: dict[str, Any],
    store: EmbeddingStore,
    *,
    photos: Collection[str],
    accepts: Accepts,
    report: PackReport,
) -> None:
    name = str(entry.get("file"))[:80]
    try:
        key = EmbeddingKey.of_fields(entry["key"])
    except (KeyError, ValueError, TypeError):
        report.damaged.append(name)
        return
    one = 1 if not key.what else 0
    if key.photo not in photos:
        report.other_photos += one
    elif not accepts(key.maker):
        report.other_makers += one
    elif store.get(key) is not None:
        report.there += one
    elif (data := _data(archive, entry, key)) is None:
        report.damaged.append(name)
    else:
        # Read and written under the name that is made of the key, whatever the pack calls it.
        store.write(key, data)
        report.taken += one
        report.candidates += 1 - one


def _data(archive: zipfile.ZipFile, entry: dict[str, Any], key: EmbeddingKey) -> bytes | None:
    """The member, if it is what the manifest says and an embedding of ``key``."""
    try:
        member = archive.getinfo(key.file_name)
        stored = member.compress_type == zipfile.ZIP_STORED
        if not stored or member.file_size != entry.get("size") or member.file_size > LARGEST:
            return None
        data = archive.read(member)
    except (KeyError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError):
        return None
    if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        return None
    return data if read(data, key) is not None else None
