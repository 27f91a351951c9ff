"""What the parts of a project store share.

Each part (``disease_rows``, ``image_rows``, ``region_rows``, ``run_rows``) answers one topic of
``core.ports.ProjectStore``; ``project_store`` puts them together. Knows the open files only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from storage.database import Database
from storage.gallery_rank import LastRanking
from storage.thumbnails import Thumbnails

T = TypeVar("T")
CHUNK = 500
"""Values in one IN list: well under every database's limit on bound parameters."""


class Rows:
    """The open files of one project."""

    def __init__(self, database: Database, thumbnails: Thumbnails, folder: Path) -> None:
        self._db = database
        self._thumbs = thumbnails
        self.folder = folder
        self._ranking = LastRanking()


def now() -> int:
    """Milliseconds since 1970 UTC, for ``changed``."""
    return time.time_ns() // 1_000_000


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """``items`` in pieces that fit an IN list."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
