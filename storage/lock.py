"""One writer per project, across processes and users.

The lock belongs to an open file and is freed by the kernel when its process ends, however it
ends: nothing can go stale and nobody is ever asked whether a lock is still good. The file's text
only says who holds it. Knows nothing of what it protects.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import socket
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from core.errors import ProjectError, ProjectLocked
from core.language import tr

_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_GUARD_BYTE = 1 << 30
"""Windows locks bytes and forbids reading them; far behind the text, so that it stays legible."""


class ProjectLock:
    """The writer's claim on a project. Made by ``acquire``; ends with ``release``."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, path: Path) -> ProjectLock:
        """Take the lock or raise ProjectLocked, whose sentence is only *who* holds it.

        PermissionError and other OSErrors of opening the file come through: the folder may not
        be written. A drive that cannot lock at all raises ProjectError.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            _lock(handle)
        except OSError as error:
            os.close(handle)
            if error.errno in _HELD:
                raise ProjectLocked(holder(path)) from error
            raise ProjectError(
                tr(
                    "The drive that holds “{name}” cannot lock files ({strerror}); copy the "
                    "project to a disk of this computer and open it there.",
                    name=path.parent.name,
                    strerror=error.strerror,
                )
            ) from error
        with suppress(OSError):  # the lock holds without a name on it, as on a full disk
            _sign(handle)
        return cls(handle)

    def release(self) -> None:
        """Give the lock back; the file stays, because deleting it would race with an opener."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            with suppress(OSError):  # the name on it is a courtesy; a lost drive takes it along
                os.ftruncate(handle, 0)
            os.close(handle)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _GUARD_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        # flock, not lockf: a POSIX record lock would vanish as soon as any other handle on the
        # file was closed in this process, and would let this very process in a second time.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sign(handle: int) -> None:
    who = {
        "host": socket.gethostname(),
        "user": _user(),
        "pid": os.getpid(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(who).encode())


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"  # no password entry, as in some containers


def holder(path: Path) -> str:
    """Who signed the lock file, for people: "anna on FIELD-PC since 2026-11-21 14:03"."""
    try:
        who = json.loads(path.read_bytes()[:4096])
        since = datetime.fromisoformat(who["since"])
        return tr(
            "{who} on {who_2} since {since:%Y-%m-%d %H:%M} (process {who_3})",
            who=who["user"],
            who_2=who["host"],
            since=since,
            who_3=who["pid"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return tr(
            "another program"
        )  # it holds the lock but has not signed yet, or the text is foreign
