"""``thumbs.db``: the small pictures of the gallery, beside the project and not part of it.

Losing the file loses no work: a damaged one is set aside and an empty one begun. Knows JPEG bytes
by photo; knows nothing of what they show.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import BigInteger, Integer, MetaData, delete, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.domain.ids import ImageId
from core.errors import ProjectError
from storage.database import Database, connect

_log = logging.getLogger(__name__)
_CHUNK = 500


class _Base(DeclarativeBase):
    metadata = MetaData()


class ThumbnailRow(_Base):
    """The small picture of one photo."""

    __tablename__ = "thumbnail"

    image_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    jpeg: Mapped[bytes]


_TABLE = "CREATE TABLE IF NOT EXISTS thumbnail (image_id INTEGER PRIMARY KEY, jpeg BLOB NOT NULL)"


class Thumbnails:
    """An open ``thumbs.db``; answers nothing where the file is missing and may not be made."""

    def __init__(self, path: Path, *, read_only: bool, title: str) -> None:
        self._db: Database | None = None
        if not read_only:
            _make(path)
        if path.exists():
            self._db = Database(path, read_only=read_only, title=title)

    def read(self, images: Sequence[ImageId]) -> dict[ImageId, bytes]:
        """JPEG bytes of those photos that have some."""
        if self._db is None:
            return {}
        found: dict[ImageId, bytes] = {}
        try:
            with self._db.read() as session:
                for start in range(0, len(images), _CHUNK):
                    wanted = images[start : start + _CHUNK]
                    rows = session.execute(
                        select(ThumbnailRow.image_id, ThumbnailRow.jpeg).where(
                            ThumbnailRow.image_id.in_(wanted)
                        )
                    )
                    found.update({ImageId(image): jpeg for image, jpeg in rows})
        except ProjectError as error:
            # Grey cells in the gallery must never keep anybody from the photos themselves.
            _log.warning("thumbnails cannot be read: %s", error)
        return found

    def write(self, thumbnails: Mapping[ImageId, bytes]) -> None:
        """Insert or replace. Raises DiskFull and the other errors of a write."""
        if self._db is None or not thumbnails:
            return
        rows = [{"image_id": image, "jpeg": jpeg} for image, jpeg in thumbnails.items()]
        with self._db.write() as session:
            for start in range(0, len(rows), _CHUNK):
                part = rows[start : start + _CHUNK]
                ids = [row["image_id"] for row in part]
                session.execute(delete(ThumbnailRow).where(ThumbnailRow.image_id.in_(ids)))
                session.execute(insert(ThumbnailRow), part)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()


def _make(path: Path) -> None:
    try:
        _make_table(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            return  # busy, full or unreachable: reading and writing will say so
        _log.warning("%s is damaged (%s) and was set aside", path.name, error)
        path.with_name(path.name + "-journal").unlink(missing_ok=True)
        path.replace(path.with_name(path.name + ".damaged"))
        _make_table(path)


def _make_table(path: Path) -> None:
    connection = connect(path, create=True)
    try:
        connection.execute(_TABLE)
        connection.execute("SELECT count(*) FROM (SELECT 1 FROM thumbnail LIMIT 1)").fetchone()
    finally:
        connection.close()
