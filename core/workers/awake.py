"""Keeps the computer from going to sleep by itself while a worker works.

Only the sleep of an idle computer: whoever closes the lid wants it to sleep, and training goes on
afterwards. Knows operating systems; a system that refuses is left as it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Awake within the block, on systems where that can be asked for."""
    if sys.platform == "win32":
        import ctypes

        keep = ctypes.windll.kernel32.SetThreadExecutionState
        keep(_CONTINUOUS | _SYSTEM_REQUIRED)
        try:
            yield
        finally:
            keep(_CONTINUOUS)
        return
    with _beside(helper(sys.platform, os.getpid())):
        yield


def helper(system: str, worker: int) -> list[str]:
    """The program of ``system`` that holds sleep off until ``worker`` (a process id) has ended.

    [] where there is none. Each ends by itself when the worker dies: one watches its id, the other
    reads a pipe that ends with it.
    """
    if system == "darwin":
        return ["caffeinate", "-i", "-w", str(worker)]
    if system.startswith("linux"):
        return ["systemd-inhibit", "--what=idle", "--mode=block", "--who=Leafspot",
                "--why=A model is being trained", "cat"]  # fmt: skip
    return []


@contextlib.contextmanager
def _beside(command: Sequence[str]) -> Iterator[None]:
    if not command or shutil.which(command[0]) is None:
        yield
        return
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        yield
        return
    try:
        yield
    finally:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        if command[0] == "caffeinate":
            process.terminate()
        process.wait()
