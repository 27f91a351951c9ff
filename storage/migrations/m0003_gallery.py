"""Version 3: what the gallery filters and sorts by: notes, names, changes, removed photos.

Written out once and never edited again; ``storage.tables`` may move on, this may not.
"""

from __future__ import annotations

import sqlite3
import unicodedata

_COLUMNS = (
    "ALTER TABLE image ADD COLUMN group_folded TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE image ADD COLUMN notes TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE image ADD COLUMN done_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE image ADD COLUMN checked_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE image ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE image ADD COLUMN removed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE image ADD COLUMN severity REAL",
    "ALTER TABLE image ADD COLUMN noted INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE image ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0",
    "UPDATE image SET severity = 100.0 * lesion / cover WHERE leaf > 0 AND cover > 0",
)
_INDEXES = (
    "DROP INDEX image_gallery",
    """
    CREATE INDEX image_gallery ON image
        (removed, added, state, split, disease_id, mask_known, noted, severity, group_folded,
         name_folded)
    """,
    "CREATE INDEX image_name ON image (name_folded)",
    "CREATE INDEX image_date ON image (captured_at)",
    "CREATE INDEX image_severity ON image (severity)",
    "CREATE INDEX image_changed ON image (changed)",
    "CREATE INDEX image_group ON image (group_name)",
    "CREATE INDEX image_removed ON image (removed, added)",
    "CREATE INDEX score_verdict ON score (run_id, verdict, image_id)",
)


def apply(connection: sqlite3.Connection) -> None:
    """Add the columns, fill those that follow from others, and make the indexes."""
    for statement in _COLUMNS:
        connection.execute(statement)
    connection.create_function("folded", 1, _folded, deterministic=True)
    connection.execute("UPDATE image SET group_folded = folded(group_name)")
    connection.create_function("folded", 1, None)
    for statement in _INDEXES:
        connection.execute(statement)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
