"""Brings a project file up to this program's schema, all the way or not at all.

``PRAGMA user_version`` counts the migrations applied. All pending ones run in one transaction, so
that a crash or a full disk leaves the version there was. Knows SQLite; the backup beforehand is
the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from core.errors import ProjectDamaged
from storage.database import APPLICATION_ID
from storage.migrations import (
    m0001_first,
    m0002_severity,
    m0003_gallery,
    m0004_undo,
    m0005_many,
    m0006_natural,
)

Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: tuple[Migration, ...] = (
    m0001_first.apply,
    m0002_severity.apply,
    m0003_gallery.apply,
    m0004_undo.apply,
    m0005_many.apply,
    m0006_natural.apply,
)
CURRENT = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """The number of migrations a file has been through."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] | None = None) -> None:
    """Apply what is pending of ``migrations``, which are all there are unless a test says so.

    ``connection`` must begin no transaction by itself.

    Raises sqlite3.Error, or ProjectDamaged when the outcome breaks a foreign key; both leave the
    file as it was.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number, apply in enumerate(MIGRATIONS if migrations is None else migrations, start=1):
            if number > version(connection):
                apply(connection)
                connection.execute(f"PRAGMA user_version = {number:d}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise ProjectDamaged(
                "The project holds entries that belong to nothing, so it was not converted; go "
                "back to the newest file in its backups folder."
            )
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
