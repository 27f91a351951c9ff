"""A helper process that forks a worker for each kill, so that a trial costs what the work costs.

The helper (``python -m MODULE FOLDER``, ending in `serve`) imports and loads everything once. Told
``go``, it forks, says ``worker PID`` before that worker may begin, passes on what the worker says
and ends with ``dead``. Knows processes and lines; knows no work. POSIX only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Forker:
    """The test's side of the helper."""

    def __init__(self, module: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def go(self, word: str = "") -> int:
        """The process id of a new worker, which is given ``word``."""
        assert self._process.stdin is not None
        print(f"go {word}", file=self._process.stdin, flush=True)
        return int(self.line().removeprefix("worker "))

    def line(self) -> str:
        """The next line of the worker or the helper, without its end."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the helper died")
        return line.rstrip("\n")

    def close(self) -> None:
        """Lets the helper end by itself, and waits for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve(work: Callable[[str], None]) -> None:
    """The helper's side: one fork of ``work(word)`` for each ``go``, until nobody asks any more."""
    for line in sys.stdin:
        start, out = os.pipe()
        worker = os.fork()
        if worker == 0:
            os.read(start, 1)  # not before the helper has said who we are
            work(line.removeprefix("go ").strip())
            os._exit(0)
        os.write(1, f"worker {worker}\n".encode())
        os.write(out, b".")
        os.waitpid(worker, 0)
        os.close(start)
        os.close(out)
        os.write(1, b"dead\n")
