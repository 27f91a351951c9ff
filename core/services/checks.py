"""One line of an examination: what was looked at, how it stands, what to do about it.

`leafspot doctor` and `leafspot preflight` both give such lines. Knows nothing of what is examined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """``WARN``: it works, but not all of it or not well. ``FAIL``: it will not work.
    ``UNKNOWN``: it was not checked, and the text says so.
    """

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """``remedy`` is a sentence, "" where nothing need be done."""

    id: str
    title: str
    level: Level
    text: str
    remedy: str = ""


def passed(checks: Iterable[Check]) -> bool:
    """Whether nothing failed."""
    return all(c.level is not Level.FAIL for c in checks)
