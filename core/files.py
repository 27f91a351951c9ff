"""Results reach the disk whole or not at all.

A file or folder is written under another name beside its place, flushed, and renamed. Knows the
operating system; knows nothing of what is written. (`storage.files` does the same for a project.)
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from core.errors import DiskFull, ExportRefused
from core.language import number_text, tr

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_under_way: set[Path] = set()
"""The drafts of this process."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a draft beside ``path``; it takes the place of ``path`` when the block succeeds.

    Raises DiskFull or ExportRefused with a sentence where the system refuses; what was at
    ``path`` before is untouched then.
    """
    draft = _draft(path)
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _under_way.add(draft)
        try:
            yield draft
            flush(draft)
            draft.replace(path)
            flush_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)
            _under_way.discard(draft)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside ``path`` that becomes ``path`` when the block succeeds.

    ``path`` must not exist yet, or be an empty folder: nothing is ever overwritten.
    """
    with told(path):
        must_be_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(path)
        draft.mkdir()
        _under_way.add(draft)
        try:
            yield draft
            for file in draft.rglob("*"):
                if file.is_file():
                    flush(file)
            if path.is_dir():
                path.rmdir()
            draft.replace(path)
            flush_folder(path.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            _under_way.discard(draft)


def drop_drafts() -> None:
    """Take away what is half written: the process ends in the middle of it, in another thread."""
    for draft in tuple(_under_way):
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    """A hidden name beside ``path`` that nobody has; systems count its bytes, not its letters."""
    begin = os.fsencode(path.name)[:100].decode("utf-8", "ignore")
    return path.with_name(f".{begin}.{secrets.token_hex(4)}.tmp")


def must_be_free(path: Path) -> None:
    """Raises ExportRefused where a new folder would write over something."""
    if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise ExportRefused(
            tr(
                "“{name}” already exists and is not empty; choose another name for the "
                "folder or move the old one away.",
                name=path.name,
            )
        )


@contextlib.contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Like ``whole_folder``, but an earlier ``path`` gives way once the new one is whole.

    A folder cannot be swapped in one step everywhere: between the two renames the earlier one
    lies beside it under a name that ends in ``.old``, and is put back when the second fails.
    """
    fresh, old = path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")
    shutil.rmtree(fresh, ignore_errors=True)
    with whole_folder(fresh) as draft:
        yield draft
    with told(path):
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            path.replace(old)
        try:
            fresh.replace(path)
        except OSError:
            if old.exists():
                old.replace(path)
            raise
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns the system's refusals to write at ``path`` into sentences."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull(
                tr(
                    "The disk is full: “{name}” was not written. Free some space on the drive "
                    "of {value} and try again.",
                    name=path.name,
                    value=path.parent.name or path.parent,
                )
            ) from error
        if is_forbidden(error):
            raise ExportRefused(
                tr(
                    "“{name}” may not be written in “{value}”; choose a folder of your own.",
                    name=path.name,
                    value=path.parent.name or path.parent,
                )
            ) from error
        raise ExportRefused(
            tr(
                "“{name}” could not be written ({value}); choose another place.",
                name=path.name,
                value=error.strerror or error,
            )
        ) from error


def is_full(error: OSError) -> bool:
    """Whether the disk, a quota or a limit on file sizes has no room left."""
    return error.errno in _FULL


def is_forbidden(error: OSError) -> bool:
    """Whether the place may not be written at all."""
    return isinstance(error, PermissionError) or error.errno == errno.EROFS


def flush(path: Path) -> None:
    """Have the drive keep what was written."""
    # For writing, because Windows flushes only handles that may write.
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    if sys.platform == "win32":  # has no such call and needs none
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def at_home(path: Path | str) -> Path:
    """``path`` with the person's home in the place of ``~``; as it is where nobody is called so."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser() raises for a stranger


def real(path: Path) -> Path:
    """Where ``path`` leads, absolute; also where its links lead in a circle, and to no file."""
    return Path(os.path.realpath(path))  # Path.resolve() raises for a circle


def is_there(path: Path | str) -> bool:
    """Whether there is anything at ``path``. Path.exists() raises for names that are too long, and
    where a folder on the way may not be entered."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: Path | str) -> bool:
    """Whether there is a folder at ``path``; as ``is_there``."""
    return os.path.isdir(path)  # noqa: PTH112


def is_text(name: str) -> bool:
    """Whether a name can be written down: on Linux a file's name may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def quoted(name: str) -> str:
    """“name” for a sentence, with escapes for what cannot be shown or would order a terminal."""
    return f"“{repr(name)[1:-1]}”"


def sha256(path: Path) -> str:
    """Of the file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def need_space(folder: Path, needed: int, *, what: str) -> None:
    """Raises DiskFull unless twice ``needed`` bytes are free at ``folder``, which may not exist."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < 2 * needed:
        raise DiskFull(
            tr(
                "{what} needs about {size_text} of free disk space and there are "
                "{size_text_2}; free some space on that drive and try again.",
                what=what,
                size_text=size_text(2 * needed),
                size_text_2=size_text(free),
            )
        )


def size_text(size: float) -> str:
    """“1.3 GB”, “12 MB”: decimal units, as file managers show them."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            figure = size / scale
            return f"{number_text(figure, '.1f' if figure < 10 else '.0f')} {unit}"
    return tr("{size} bytes", size=int(size))
