"""One installation at a time in one folder, even after the first was killed.

Knows the operating system's file locks, which vanish with their holder; a lock *file* that says
"locked" would stay for ever after a power cut. Knows nothing of what it guards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from installer.report import Refusal

POLL_SECONDS = 0.5


def _try_lock(handle: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # flock belongs to the open file, so a pip that outlives us keeps holding it.
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def held(path: Path, *, waiting: Callable[[], None]) -> Iterator[int]:
    """Holds the lock ``path``, after calling ``waiting`` once if somebody else has it.

    Yields the file descriptor: pass it on to child processes that write to what is guarded.
    Raises Refusal when the lock file cannot be made.
    """
    try:
        handle = path.open("ab")
    except OSError as error:
        raise Refusal(f"{path} cannot be written ({error.strerror}): check its rights.") from error
    with handle:
        if not _try_lock(handle):
            waiting()
            while not _try_lock(handle):
                time.sleep(POLL_SECONDS)
        yield handle.fileno()
