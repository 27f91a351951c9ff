"""The steps that undo and redo remember across restarts.

Written out once and never edited again.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    """
    CREATE TABLE undo_step (
        id INTEGER PRIMARY KEY,
        image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        action INTEGER NOT NULL,
        undone INTEGER NOT NULL,
        size INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        data BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX undo_step_image ON undo_step (image_id, undone, action)",
    "CREATE INDEX undo_step_size ON undo_step (size)",
    """
    CREATE TABLE undo_state (
        image_id INTEGER NOT NULL PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
        digest BLOB NOT NULL
    ) STRICT
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Add the two tables; nothing that was there changes."""
    for statement in _STATEMENTS:
        connection.execute(statement)
