"""Where a project keeps its files, and how a file is replaced without ever being half-written.

Knows names inside ``NAME.leafspot/`` and the operating system; knows nothing of their content.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from core.files import at_home

SUFFIX = ".leafspot"
_SHARING_VIOLATIONS = frozenset({5, 32, 33})
"""Windows: a virus scanner, indexer or sync client has the file open for a moment."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The fixed names inside one project folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name.removesuffix(SUFFIX)

    @property
    def database(self) -> Path:
        return self.folder / "project.db"

    @property
    def journal(self) -> Path:
        """SQLite's rollback journal: holds the old pages while a commit is under way."""
        return self.folder / "project.db-journal"

    @property
    def thumbnails(self) -> Path:
        return self.folder / "thumbs.db"

    @property
    def embeddings(self) -> Path:
        return self.folder / "embeddings"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def lock(self) -> Path:
        return self.folder / "project.lock"

    def make_folders(self) -> None:
        """Those that are missing."""
        for folder in (self.embeddings, self.runs, self.backups):
            folder.mkdir(exist_ok=True)


def with_suffix(folder: Path) -> Path:
    """``folder`` as an absolute path that ends in ``.leafspot``."""
    folder = Path(os.path.abspath(at_home(folder)))  # noqa: PTH100 - keeps symbolic links
    if not folder.name or folder.name.endswith(SUFFIX):  # a drive's root has no name to add to
        return folder
    return folder.with_name(folder.name + SUFFIX)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut. Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(draft: Path, final: Path) -> None:
    """Replace ``final`` by the finished ``draft``; after a crash either is there, whole."""
    # For writing, because Windows flushes only handles that may write.
    handle = os.open(draft, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    _replace(draft, final)
    sync_folder(final.parent)


def _replace(draft: Path, final: Path) -> None:
    for wait in (0.05, 0.1, 0.2, 0.4, 1.0):
        try:
            draft.replace(final)
        except OSError as error:
            if getattr(error, "winerror", None) not in _SHARING_VIOLATIONS:
                raise
            time.sleep(wait)
        else:
            return
    draft.replace(final)


def write_atomic(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and rename it into place."""
    draft = path.with_name(path.name + ".tmp")
    try:
        draft.write_bytes(data)
        publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)
