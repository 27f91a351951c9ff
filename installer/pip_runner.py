"""Runs pip and turns what it prints into progress and, if it fails, into one sentence.

Knows pip's output; knows nothing of what is installed. Which index, proxy or certificates pip uses
is the business of its own configuration.
"""

from __future__ import annotations

import math
import platform
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from installer.environment import clean_variables, python_in
from installer.report import Progress, Refusal, size

RAW_PROGRESS = (24, 1)
"""The first pip that reports the progress of a download to a program."""

_DOWNLOAD = re.compile(r"^\s*(Downloading|Using cached) (\S+) \(([\d.]+) ([kMG]?B|bytes)\)\s*$")
FULL = 100e6
"""With fewer free bytes than this, whatever pip complains of is the disk."""

_UNITS = {"bytes": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}

# In this order: a full disk or a dead network shows itself in several ways at once, and the
# packages that pip then fails to find are only its consequence.
_DISK_FULL = "The disk became full during the installation: make room and run the command again."
_CAUSES = (
    (r"No space left on device|\[Errno 28\]|not enough space|WinError 112", _DISK_FULL),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError",
        "The package server's certificate is not trusted here: behind a company proxy, give pip "
        "its certificate with  pip config set global.cert FILE  and run the command again.",
    ),
    (
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed",
        "The proxy did not let pip through: check the proxy settings, then run the command again.",
    ),
    (
        r"NewConnectionError|ConnectTimeout|ReadTimeout|getaddrinfo failed|NameResolutionError|"
        r"Temporary failure in name resolution|Network is unreachable|Connection refused|"
        r"ConnectionResetError|IncompleteRead|ProtocolError|Connection broken|incomplete-download",
        "The package server cannot be reached: connect to the internet and run the command again, "
        "it goes on where it stopped.",
    ),
    (
        r"DO NOT MATCH THE HASHES|BadZipFile|has an invalid wheel|Hash mismatch",
        "A download arrived damaged: run the command again.",
    ),
    (
        r"\[Errno 13\]|PermissionError|WinError 5\]|WinError 32",
        "A file in .venv may not be changed: close every Leafspot window, then run it again.",
    ),
)


@dataclass
class Listener:
    """What pip has said so far: downloads by size, and its last words."""

    progress: Progress
    fetched: float = 0.0
    least_free: float = math.inf
    lines: list[str] = field(default_factory=list)
    _current: str = ""
    _size: float = 0.0

    def hear(self, line: str) -> None:
        """One line of pip's output."""
        if line.startswith("Progress "):
            self._move(line)
            return
        self.lines.append(line)
        found = _DOWNLOAD.match(line)
        if found and not found[2].endswith(".metadata"):
            self.fetched += self._size
            self._current = found[2].rpartition("/")[2].split("-")[0]
            self._size = float(found[3]) * _UNITS[found[4]]
            self.progress.move(f"{self._current}, {size(self._size)}; {self._so_far()}")
        elif line.startswith("Installing collected packages"):
            self.fetched += self._size
            self._current, self._size = "unpacking", 0.0
            self.tick()

    def tick(self) -> None:
        """Time has passed without a word."""
        if self._current == "unpacking":
            self.progress.move("unpacking and preparing them, mostly work for the disk")
        elif self._current:
            self.progress.move(f"{self._current}, {size(self._size)}; {self._so_far()}")
        else:
            self.progress.move("asking which packages fit together")

    def _move(self, line: str) -> None:
        words = line.split()
        if len(words) == 4 and words[1].isdigit() and words[3].isdigit() and int(words[3]):
            done = int(words[1]) * 100 // int(words[3])
            self.progress.move(f"{self._current}, {done} % of {size(self._size)}")

    def _so_far(self) -> str:
        return f"{size(self.fetched)} fetched before" if self.fetched else "the first package"


def sentence_for(output: str, *, code: int, log: Path, least_free: float) -> str:
    """Why pip failed, in one sentence with the remedy.

    ``least_free`` is the smallest number of free bytes seen meanwhile: newer versions of pip take a
    full disk for a broken connection, and clean up before they end.
    """
    if least_free < FULL:
        return _DISK_FULL
    for pattern, sentence in _CAUSES:
        if re.search(pattern, output):
            return sentence
    missing = re.search(r"No matching distribution found for (\S+)", output)
    pinned = re.search(r"The user requested \(constraint\) (\S+)", output)
    if (missing and "(from versions: none)" in output) or (pinned and not missing):
        name = (missing or pinned or [""] * 2)[1]
        return (
            f"pip was offered no {name}: check that its package index is set and reachable "
            "(pip config list; PIP_NO_INDEX and PIP_INDEX_URL), then run the command again."
        )
    if missing:
        here = f"{platform.system()} {platform.machine()} with Python {platform.python_version()}"
        return f"There is no {missing[1]} for this computer ({here}); the README says what fits."
    return f"pip stopped with code {code}; what it said is in {log}."


def pip_version(environment: Path) -> tuple[int, int]:
    """Major and minor version of the environment's pip; (0, 0) when it does not say."""
    done = subprocess.run(
        [str(python_in(environment)), "-I", "-m", "pip", "--version"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.match(r"pip (\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def install(
    environment: Path,
    arguments: Sequence[str],
    *,
    progress: Progress,
    lock: int | None = None,
) -> None:
    """``pip install`` with ``arguments``; raises Refusal with the reason when it fails.

    ``lock`` is a file descriptor that pip inherits: a lock held through it lasts as long as pip.
    """
    command = [
        str(python_in(environment)), "-m", "pip", "install",
        "--no-input", "--disable-pip-version-check",
    ]  # fmt: skip
    if pip_version(environment) >= RAW_PROGRESS:
        command.append("--progress-bar=raw")
    log = environment / "leafspot-install.log"
    listener = Listener(progress)
    code = _run([*command, *arguments], environment=environment, listener=listener, lock=lock)
    said = "\n".join(listener.lines)
    with log.open("a", encoding="utf-8") as file:
        file.write(said + "\n")
    if code:
        raise Refusal(sentence_for(said, code=code, log=log, least_free=listener.least_free))


def _run(command: Sequence[str], *, environment: Path, listener: Listener, lock: int | None) -> int:
    # Downloads wait beside where they go: /tmp is often a small disk in memory.
    waiting_room = environment / "tmp"
    waiting_room.mkdir(exist_ok=True)
    variables = clean_variables() | {"TMPDIR": str(waiting_room), "TEMP": str(waiting_room)}
    variables["TMP"] = str(waiting_room)
    inherited = (lock,) if lock is not None and sys.platform != "win32" else ()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=variables, pass_fds=inherited, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    try:
        _listen(lines, listener, environment)
        return process.wait()
    finally:
        process.kill()
        process.wait()


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def _listen(lines: queue.Queue[str | None], listener: Listener, environment: Path) -> None:
    while True:
        listener.least_free = min(listener.least_free, shutil.disk_usage(environment).free)
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            listener.tick()
            continue
        if line is None:
            return
        listener.hear(line)
