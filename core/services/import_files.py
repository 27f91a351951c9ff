"""Which files an import looks at, in which order, and which group their folder suggests.

Knows folders and names; opens no file.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.imaging.decode import SUFFIXES


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file, absolute. ``group`` is its folder below the one that was chosen, or ""."""

    path: Path
    group: str = ""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """``files`` in natural order, each once; ``missing`` were named but are not there;
    ``passed_over`` counts files in folders that are no photos by their names."""

    files: tuple[Candidate, ...]
    missing: tuple[Path, ...] = ()
    passed_over: int = 0

    @property
    def total(self) -> int:
        return len(self.files) + len(self.missing)


def plan(paths: Sequence[Path], *, leave_out: Iterable[Path] = ()) -> ImportPlan:
    """Look through folders (and below them) and files.

    Hidden files and folders are skipped, links to folders are not followed, and everything in
    ``leave_out`` (the masks' folder) is passed by. A file named outright is always looked at.
    """
    found: dict[Path, Candidate] = {}
    missing: list[Path] = []
    passed = 0
    closed = {_absolute(p) for p in leave_out}
    for given in paths:
        start = _absolute(given)
        if start.is_dir():
            candidates, others = _walk(start, closed)
            passed += others
        elif start.exists():
            candidates = [Candidate(start)]
        else:
            missing.append(start)
            continue
        for candidate in sorted(candidates, key=lambda c: natural_key(c.path)):
            found.setdefault(candidate.path, candidate)
    return ImportPlan(tuple(found.values()), tuple(missing), passed)


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Sorts leaf_2 before leaf_10, without case, folder by folder."""
    return tuple(_pieces(part) for part in path.parts)


def _pieces(text: str) -> tuple[tuple[int, int, str], ...]:
    plain = unicodedata.normalize("NFC", text).casefold()
    return tuple(
        (0, int(piece[:300]), piece) if piece.isascii() and piece.isdigit() else (1, 0, piece)
        for piece in re.split(r"([0-9]+)", plain)
        if piece
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _walk(start: Path, closed: set[Path]) -> tuple[list[Candidate], int]:
    found: list[Candidate] = []
    others = 0
    for folder, below, names in os.walk(start):
        here = Path(folder)
        below[:] = [
            name
            for name in below
            if not _hidden(name) and here / name not in closed and not _project(name)
        ]
        for name in names:
            path = here / name
            if _hidden(name) or not path.is_file():
                continue
            if path.suffix.lower() in SUFFIXES:
                group = here.relative_to(start).as_posix()
                found.append(Candidate(path, "" if group == "." else group))
            else:
                others += 1
    return found, others


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _project(name: str) -> bool:
    """Project folders hold thumbnails and predictions, not photos to import."""
    return name.endswith(".leafspot")
