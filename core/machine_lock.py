"""One heavy model job at a time on this computer, whatever project it belongs to.

The claim is a lock on an open file in the user's own folder; the kernel frees it when its process
ends, however it ends, so nothing goes stale. The file's text only says who holds it. Knows
processes and files; knows nothing of what is trained.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from types import TracebackType

import platformdirs

from core.errors import TrainingRefused
from core.language import tr

_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_GUARD_BYTE = 1 << 30
"""Windows locks bytes and forbids reading them; far behind the text, so that it stays legible."""


def lock_file() -> Path:
    """Where the claim is made; the same for every Leafspot of this user."""
    return Path(platformdirs.user_data_dir("leafspot", appauthor=False)) / "training.lock"


class MachineLock:
    """Use as a context manager: ``with MachineLock("“coffee”"): …``. ``job`` names it for others.

    Entering raises TrainingRefused with who trains what since when.
    """

    def __init__(self, job: str) -> None:
        self._job = job
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the claim, or raise TrainingRefused naming who has it."""
        path = lock_file()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            handle = os.open(path, flags, 0o600)
        except OSError as error:
            raise TrainingRefused(
                [
                    tr(
                        "The folder {parent} may not be written ({strerror}); allow it.",
                        parent=path.parent,
                        strerror=error.strerror,
                    )
                ]
            ) from error
        try:
            _lock(handle)
        except OSError as error:
            os.close(handle)
            if error.errno in _HELD:
                raise TrainingRefused([_held_by(path)]) from error
            raise
        _sign(handle, self._job)
        self._handle = handle

    def release(self) -> None:
        """The file stays: deleting it would race with whoever opens it just now."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> MachineLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.release()


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _GUARD_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sign(handle: int, job: str) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps({"job": job, "pid": os.getpid(), "since": now}).encode())


def _held_by(path: Path) -> str:
    try:
        who = json.loads(path.read_bytes()[:4096])
        since = datetime.fromisoformat(who["since"])
        text = tr(
            "{who} since {since:%H:%M} (process {who_2})",
            who=who["job"],
            since=since,
            who_2=int(who["pid"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        text = tr("another program")
    return tr(
        "This computer is already training for {what}, and two trainings at once "
        "would only slow each other down; wait until it has ended, or stop it.",
        what=text,
    )
