"""The actions on many photos that undo and redo remember across restarts, merged diseases too.

Written out once and never edited again.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    """
    CREATE TABLE many_step (
        id INTEGER PRIMARY KEY,
        action INTEGER NOT NULL UNIQUE,
        title TEXT NOT NULL,
        photos INTEGER NOT NULL,
        undone INTEGER NOT NULL,
        gone_id INTEGER,
        into_id INTEGER,
        size INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        data BLOB NOT NULL
    ) STRICT
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Add the table; nothing that was there changes."""
    for statement in _STATEMENTS:
        connection.execute(statement)
