"""Which files an import looks at, in which order, and which group their folder suggests.

Knows folders and names; opens no file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from core.imaging.decode import SUFFIXES
from core.imaging.raw import RAW_SUFFIXES
from core.language import tr, trn
from core.natural import natural


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file, absolute. ``group`` is its folder below the one that was chosen, or ""."""

    path: Path
    group: str = ""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """``files`` in natural order, each once; ``missing`` were named or found but cannot be
    reached, ``why_missing`` says why; ``passed_over`` counts files in folders that are no photos
    by their names, ``twins`` RAW files that lie beside a picture of the same name."""

    files: tuple[Candidate, ...]
    missing: tuple[Path, ...] = ()
    passed_over: int = 0
    twins: int = 0

    @property
    def total(self) -> int:
        return len(self.files) + len(self.missing)

    def remarks(self) -> list[str]:
        """Sentences about what is in these folders and was not looked at."""
        said = []
        if self.twins:
            said.append(
                trn(
                    "{n:,} RAW file lies beside a picture of the same name, which was taken "
                    "instead.",
                    "{n:,} RAW files lie beside a picture of the same name, which was taken "
                    "instead.",
                    self.twins,
                )
            )
        if self.passed_over:
            said.append(
                trn(
                    "{n:,} file in these folders is no photo by its name and was passed over.",
                    "{n:,} files in these folders are no photos by their names and were passed "
                    "over.",
                    self.passed_over,
                )
            )
        return said


def plan(
    paths: Sequence[Path], *, leave_out: Iterable[Path] = (), twins: bool = False
) -> ImportPlan:
    """Look through folders (and below them) and files.

    Hidden files and folders are skipped, links to folders are not followed, and everything in
    ``leave_out`` (the masks' folder) is passed by. A file named outright is always looked at. RAW
    files beside a picture of their name are only with ``twins``.
    """
    found: dict[Path, Candidate] = {}
    missing: list[Path] = []
    passed = left = 0
    closed = {_absolute(p) for p in leave_out}
    for given in paths:
        start = _absolute(given)
        # Path.exists() and its like raise where a folder on the way may not be entered.
        if os.path.isdir(start):  # noqa: PTH112
            walk = _Walk(start, closed, twins=twins)
            candidates, missing = walk.found, missing + walk.lost
            passed += walk.others
            left += walk.twins
        elif os.path.exists(start):  # noqa: PTH110
            candidates = [Candidate(start)]
        else:
            missing.append(start)
            continue
        for candidate in sorted(candidates, key=lambda c: natural_key(c.path)):
            found.setdefault(candidate.path, candidate)
    return ImportPlan(tuple(found.values()), tuple(dict.fromkeys(missing)), passed, left)


def natural_key(path: Path) -> tuple[str, ...]:
    """Sorts leaf_2 before leaf_10, without case, folder by folder."""
    return tuple(map(natural, path.parts))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


class _Walk:
    """What one folder and those below it hold."""

    def __init__(self, start: Path, closed: set[Path], *, twins: bool) -> None:
        self.found: list[Candidate] = []
        self.lost: list[Path] = []
        self.others = self.twins = 0
        for folder, below, names in os.walk(start, onerror=self._may_not_be_read):
            here = Path(folder)
            below[:] = [
                name
                for name in below
                if not _hidden(name) and here / name not in closed and not _project(name)
            ]
            group = here.relative_to(start).as_posix()
            pictures = {PurePath(n).stem.casefold() for n in names if _is_picture(n)}
            for name in sorted(names):
                if not twins and _is_raw(name) and PurePath(name).stem.casefold() in pictures:
                    # Cameras that write both mean one photo, and one leaf counts once.
                    self.twins += not _hidden(name)
                elif not _hidden(name):
                    self._look_at(here / name, "" if group == "." else group)

    def _look_at(self, path: Path, group: str) -> None:
        photo = path.suffix.lower() in SUFFIXES
        if os.path.isfile(path):  # noqa: PTH113 - does not raise
            if photo:
                self.found.append(Candidate(path, group))
            else:
                self.others += 1
        elif photo and not os.path.exists(path):  # noqa: PTH110 - does not raise
            self.lost.append(path)

    def _may_not_be_read(self, error: OSError) -> None:
        self.lost.append(Path(error.filename))


def why_missing(path: Path) -> str:
    """A sentence for one of ``ImportPlan.missing``."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return tr("There is no such file or folder. Check its name.")
    except OSError as error:
        return tr(
            "It cannot be reached ({strerror}). Check its name and the permissions.",
            strerror=error.strerror,
        )
    if stat.S_ISLNK(mode):
        return tr(
            "This is a link that leads to no file. Bring back what it leads to or leave it out."
        )
    return tr("This folder may not be read, so no photo of it was taken in. Check its permissions.")


def _is_raw(name: str) -> bool:
    return PurePath(name).suffix.lower() in RAW_SUFFIXES


def _is_picture(name: str) -> bool:
    return PurePath(name).suffix.lower() in SUFFIXES - RAW_SUFFIXES


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _project(name: str) -> bool:
    """Project folders hold thumbnails and predictions, not photos to import."""
    return name.endswith(".leafspot")


def project_path(photo: Path, project: Path) -> str:
    """How the project remembers an absolute path, POSIX.

    Relative to the project's folder when the photo lies beside or inside it, so that both can be
    moved together; absolute otherwise, so that moving the project alone loses nothing.
    """
    folder = Path(os.path.abspath(project))  # noqa: PTH100 - resolve() would follow links
    if photo.is_relative_to(folder.parent):
        return Path(os.path.relpath(photo, folder)).as_posix()
    return photo.as_posix()
