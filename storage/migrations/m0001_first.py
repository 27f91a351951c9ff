"""Version 1: the first schema.

Written out once and never edited again; ``storage.tables`` may move on, this may not.
"""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    """
    CREATE TABLE disease (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        name_folded TEXT NOT NULL UNIQUE,
        colour TEXT NOT NULL,
        hotkey INTEGER,
        eppo TEXT NOT NULL,
        healthy INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE image (
        id INTEGER PRIMARY KEY,
        added INTEGER NOT NULL,
        state TEXT NOT NULL,
        split TEXT NOT NULL,
        disease_id INTEGER REFERENCES disease (id),
        mask_known INTEGER NOT NULL,
        regions INTEGER NOT NULL,
        leaf INTEGER NOT NULL,
        lesion INTEGER NOT NULL,
        cover INTEGER NOT NULL,
        areas TEXT NOT NULL,
        name TEXT NOT NULL,
        name_folded TEXT NOT NULL,
        path TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        orientation INTEGER NOT NULL,
        captured_at TEXT NOT NULL,
        latitude REAL,
        longitude REAL,
        crop TEXT NOT NULL,
        group_name TEXT NOT NULL,
        extra TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX image_gallery ON image (added, state, split, disease_id, name_folded)",
    "CREATE INDEX image_sha256 ON image (sha256)",
    "CREATE INDEX image_disease ON image (disease_id)",
    """
    CREATE TABLE region (
        id INTEGER PRIMARY KEY,
        image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        disease_id INTEGER REFERENCES disease (id),
        source TEXT NOT NULL,
        author TEXT NOT NULL,
        mask_sha256 BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX region_image ON region (image_id)",
    "CREATE INDEX region_disease ON region (disease_id)",
    """
    CREATE TABLE tile (
        region_id INTEGER NOT NULL REFERENCES region (id) ON DELETE CASCADE,
        tile_row INTEGER NOT NULL,
        tile_col INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (region_id, tile_row, tile_col)
    ) STRICT
    """,
    """
    CREATE TABLE run (
        id TEXT NOT NULL PRIMARY KEY,
        added INTEGER NOT NULL,
        title TEXT NOT NULL,
        base TEXT NOT NULL,
        state TEXT NOT NULL,
        created_at TEXT NOT NULL,
        folder TEXT NOT NULL,
        parent TEXT,
        summary TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE score (
        run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        image_id INTEGER NOT NULL REFERENCES image (id) ON DELETE CASCADE,
        split TEXT NOT NULL,
        dice REAL,
        targets TEXT NOT NULL,
        truth TEXT,
        predicted TEXT NOT NULL,
        probabilities TEXT NOT NULL,
        severity REAL NOT NULL,
        true_severity REAL,
        prediction TEXT NOT NULL,
        verdict TEXT,
        PRIMARY KEY (run_id, image_id)
    ) STRICT
    """,
    "CREATE INDEX score_worst ON score (run_id, dice, image_id)",
    "CREATE INDEX score_card ON score (image_id, run_id, dice)",
)


def apply(connection: sqlite3.Connection) -> None:
    """Make every table and index in an empty file."""
    for statement in _STATEMENTS:
        connection.execute(statement)
