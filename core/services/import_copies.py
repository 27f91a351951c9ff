"""Copies of photos inside the project, for an import that is asked to make them.

    photos/<folder the photo lay in, below the one chosen>/<its name>

A copy is written under another name beside its place, flushed, read back against the SHA-256 of
the photo that was looked at, and only then given its name, which nobody may have had: nothing is
ever written over, and no link leads out of the project. A name that is taken gets a number
(``leaf-2.jpg``); a file with the very same bytes, as a killed import may leave behind, is taken as
the copy. Names that some system refuses are made fit for all, so that the project can be carried
anywhere.

Knows files and folders; knows no store and opens no photo. The photos themselves are only read.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core import files
from core.errors import DiskFull, ImportRefused, ProjectError, ProjectReadOnly
from core.language import tr
from core.services.import_files import Candidate

PHOTOS = "photos"
LONGEST = 240
"""Bytes of a name: file systems stop at 255, and a number may have to be added."""
_CHUNK = 1 << 20
_UNFIT = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_DRAFT = re.compile(r"\.[0-9a-f]{16}\.copying")


class PhotoCopies:
    """The copies of one import. ``keep`` what has been entered, ``remove`` what has not."""

    def __init__(self, project: Path) -> None:
        self._project = Path(os.path.abspath(project))  # noqa: PTH100 - keeps symbolic links
        self._names: dict[Path, dict[str, str]] = {}
        self._fresh: dict[str, Path] = {}
        self._made: list[Path] = []

    @property
    def waiting(self) -> list[str]:
        """SHA-256 of every photo copied since the last ``keep``."""
        return list(self._fresh)

    def take(self, candidate: Candidate, sha256: str) -> Path:
        """Copy one photo, whose bytes have ``sha256``; the absolute path of the copy.

        A photo that lies in the project's own ``photos`` already stays there. Raises ImportRefused
        when the photo cannot be read or has other bytes by now; DiskFull, ProjectReadOnly or
        ProjectError when nothing can be written, and then leaves nothing of this photo behind.
        """
        if self._is_own(candidate.path):
            return candidate.path
        with _told(candidate.path.name):
            folder = self._folder(candidate.group)
            wanted = portable(candidate.path.name)
            if (same := self._same(folder, wanted, sha256)) is not None:
                return same
            draft = folder / f".{secrets.token_hex(8)}.copying"
            try:
                _write(candidate.path, draft)
                if files.sha256(draft) != sha256:
                    raise ImportRefused(
                        candidate.path,
                        tr(
                            "Its copy came out with other bytes: it changed meanwhile, or a drive "
                            "is failing. Import it again."
                        ),
                    )
                copy = self._publish(draft, folder, wanted)
            finally:
                draft.unlink(missing_ok=True)
        self._fresh[sha256] = copy
        return copy

    def keep(self) -> None:
        """Everything copied so far has been entered in the project."""
        self._fresh.clear()
        self._made.clear()

    def remove(self, sha256: Collection[str]) -> None:
        """Take those copies made since the last ``keep`` away again, and the folders with them."""
        for digest in sha256:
            with suppress(OSError):
                self._fresh.pop(digest).unlink()
        for folder in reversed(self._made):
            with suppress(OSError):  # not empty: something of it stays
                folder.rmdir()
        self._names.clear()

    # -- where

    def _is_own(self, photo: Path) -> bool:
        if not photo.is_relative_to(self._project / PHOTOS):
            return False
        return not _leads_elsewhere(photo, self._project)

    def _folder(self, group: str) -> Path:
        here = self._project / PHOTOS
        self._make(here)
        for part in (portable(part) for part in group.split("/") if part):
            # “Plot” and “plot” are one folder elsewhere, so they are one here.
            here /= self._there(here).setdefault(_fold(part), part)
            self._make(here)
        return here

    def _make(self, folder: Path) -> None:
        with suppress(FileExistsError):
            folder.mkdir()
            self._made.append(folder)
            files.flush_folder(folder.parent)
        if _leads_elsewhere(folder, self._project) or not folder.is_dir():
            shown = folder.relative_to(self._project).as_posix()
            raise ProjectError(
                tr(
                    "“{shown}” in the project is no folder of its own but a link or a file, so "
                    "no photo was copied into it; move it away and import again.",
                    shown=shown,
                )
            )

    def _there(self, folder: Path) -> dict[str, str]:
        """Names in ``folder`` as they compare to as they are. Drafts of a killed import go."""
        if folder not in self._names:
            found: dict[str, str] = {}
            for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names are all it takes
                if _DRAFT.fullmatch(name):
                    with suppress(OSError):
                        (folder / name).unlink()
                else:
                    found[_fold(name)] = name
            self._names[folder] = found
        return self._names[folder]

    def _same(self, folder: Path, wanted: str, sha256: str) -> Path | None:
        """A file under the wanted name that is this photo already."""
        name = self._there(folder).get(_fold(wanted))
        if name is None:
            return None
        path = folder / name
        alike = path.is_file() and not path.is_symlink() and files.sha256(path) == sha256
        return path if alike else None

    def _publish(self, draft: Path, folder: Path, wanted: str) -> Path:
        """Give the draft the first free name."""
        there = self._there(folder)
        stem, suffix = _split(wanted)
        name, number = wanted, 1
        while True:
            if _fold(name) not in there:
                there[_fold(name)] = name
                with suppress(FileExistsError):  # somebody else took it this moment
                    _place(draft, folder / name)
                    files.flush_folder(folder)
                    return folder / name
            number += 1
            name = f"{stem}-{number}{suffix}"


def portable(name: str) -> str:
    """``name`` as a file or folder may be called on every system: never empty, "." or ".."."""
    name = _UNFIT.sub("_", name).rstrip(" .") or "_"
    if name.startswith(".") or _RESERVED.match(name):
        name = f"_{name}"
    stem, suffix = _split(name)
    while len((stem + suffix).encode()) > LONGEST:
        stem = stem[:-1]
    return stem + suffix


def _split(name: str) -> tuple[str, str]:
    path = Path(name)
    return (path.stem, path.suffix) if len(path.suffix) < 10 else (name, "")


def _fold(name: str) -> str:
    """For comparing names as the least particular file system does."""
    return unicodedata.normalize("NFC", name).casefold()


def _leads_elsewhere(path: Path, project: Path) -> bool:
    """Whether a link lies between the project's folder and ``path``, or is ``path`` itself."""
    straight = Path(os.path.realpath(project)) / path.relative_to(project)
    return os.path.normcase(os.path.realpath(path)) != os.path.normcase(straight)


def _write(photo: Path, draft: Path) -> None:
    """Raises ImportRefused for what is wrong with the photo, OSError for the rest."""
    with draft.open("xb") as file:
        for chunk in _chunks(photo):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _chunks(photo: Path) -> Iterator[bytes]:
    try:
        with photo.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        why = error.strerror or str(error)
        raise ImportRefused(
            photo,
            tr(
                "It could not be read to be copied ({why}). Look whether it is still there.",
                why=why,
            ),
        ) from error


def _place(draft: Path, final: Path) -> None:
    """Rename that never replaces. Raises FileExistsError."""
    if sys.platform == "win32":
        draft.rename(final)
        return
    try:
        final.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, as on memory cards: claim the name first
        with final.open("xb"):
            pass
        try:
            draft.replace(final)
        except OSError:
            final.unlink()
            raise


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turns the system's refusals to write into a sentence about the photo called ``name``."""
    try:
        yield
    except OSError as error:
        if files.is_full(error):
            raise DiskFull(
                tr(
                    "The disk is full, so “{name}” was not copied into the project; free some "
                    "space on the project's drive and import again.",
                    name=name,
                )
            ) from error
        if files.is_forbidden(error):
            raise ProjectReadOnly(
                tr(
                    "The project's folder of photos may not be written, so “{name}” was not "
                    "copied; ask for the right to write there, or import without copying.",
                    name=name,
                )
            ) from error
        raise ProjectError(
            tr(
                "“{name}” could not be copied into the project ({value}); look at the "
                "project's drive and import again.",
                name=name,
                value=error.strerror or error,
            )
        ) from error
