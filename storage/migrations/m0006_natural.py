"""Version 6: photos are sorted by name as people count: leaf 3 before leaf 23.

Written out once and never edited again; ``core.natural`` may move on, this may not.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata

_STATEMENTS = (
    "ALTER TABLE image ADD COLUMN name_natural TEXT NOT NULL DEFAULT ''",
    "UPDATE image SET name_natural = natural_6(name)",
    "DROP INDEX image_name",
    "CREATE INDEX image_name ON image (name_natural)",
)


def apply(connection: sqlite3.Connection) -> None:
    """Add the column, fill it, and sort by it instead of by the letters."""
    connection.create_function("natural_6", 1, _natural, deterministic=True)
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.create_function("natural_6", 1, None)


def _natural(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).casefold()
    return re.sub(r"\d+", _number, plain)


def _number(found: re.Match[str]) -> str:
    digits = "".join(str(unicodedata.decimal(digit)) for digit in found[0]).lstrip("0")
    return f"0{chr(0x30 + min(len(digits), 0x1000))}{digits}"
