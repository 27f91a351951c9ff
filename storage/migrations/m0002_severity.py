"""Crop and synonyms of a disease, the scale card of a photo, and what a project decides for itself.

Written out once and never edited again.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    "ALTER TABLE disease ADD COLUMN crop TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE disease ADD COLUMN synonyms TEXT NOT NULL DEFAULT '[]'",
    """
    CREATE TABLE calibration (
        image_id INTEGER NOT NULL PRIMARY KEY REFERENCES image (id) ON DELETE CASCADE,
        length_mm REAL NOT NULL,
        length_px REAL NOT NULL,
        line TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE project_setting (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT
    """,
)


def apply(connection: sqlite3.Connection) -> None:
    """Add the columns and tables; nothing that was there changes."""
    for statement in _STATEMENTS:
        connection.execute(statement)
