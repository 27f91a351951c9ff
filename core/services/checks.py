"""One line of an examination: what was looked at, how it stands, what to do about it.

`leafspot doctor` and `leafspot preflight` both give such lines. Knows nothing of what is examined,
but for the figures of a part that is trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.language import tr


class Level(StrEnum):
    """``WARN``: it works, but not all of it or not well. ``FAIL``: it will not work.
    ``UNKNOWN``: it was not checked, and the text says so.
    """

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "not checked"


@dataclass(frozen=True, slots=True)
class Targets:
    """What is trained of one part of a model: ``matched`` layers are, of which ``no_gradient`` hear
    nothing of what is learnt; ``unmatched`` linear layers are left as they are.
    """

    matched: int
    unmatched: int
    no_gradient: int


@dataclass(frozen=True, slots=True)
class Check:
    """``remedy`` is a sentence, "" where nothing need be done. ``targets`` are there where the line
    is about what is trained.
    """

    id: str
    title: str
    level: Level
    text: str
    remedy: str = ""
    targets: Targets | None = None


def red(checks: Iterable[Check]) -> list[str]:
    """Why it should not be begun, and what to press: a sentence for each line that failed."""
    return [
        tr("{title}: {text} {remedy}", title=c.title, text=_ended(c.text), remedy=c.remedy).strip()
        for c in checks
        if c.level is Level.FAIL
    ]


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def passed(checks: Iterable[Check]) -> bool:
    """Whether nothing failed."""
    return all(c.level is not Level.FAIL for c in checks)
