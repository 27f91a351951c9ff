"""What a value of a row must be to be used at all: a project may come from anybody.

Knows texts and numbers; knows no table. Everything here raises ValueError, of which
``storage.mapping`` makes the damage of a row.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from core.language import tr

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def colour(text: str) -> str:
    """``#rrggbb``: it is taken apart, and stands in the window's style sheets."""
    if not _COLOUR.fullmatch(text):
        raise ValueError(tr("no such colour"))
    return text


def hotkey(digit: int | None) -> int | None:
    """1 to 9, or None."""
    if digit is not None and digit not in range(1, 10):
        raise ValueError(tr("no such key"))
    return digit


def inside(folder: str) -> str:
    """A folder below the project's: a run is written to."""
    path = PurePosixPath(folder)
    if path.is_absolute() or ".." in path.parts or {"\\", ":"} & set(folder):
        raise ValueError(tr("no such folder"))
    return folder
