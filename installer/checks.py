"""What ``test`` runs: style, types, the layers, then the tests; the first failure ends it.

Knows the commands and their order; the rules themselves are in ``pyproject.toml`` and ``tests``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from installer.environment import clean_variables, python_in, script_in
from installer.report import duration

MOST = 4
"""Processes that the tests are shared out to at most: each may load a model library."""


def cores() -> int:
    """Those that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(cores: int) -> list[str]:
    """What makes pytest use ``cores``: tests in their order, so that those of a file share what it
    prepares, and whoever is done takes over half of what another has left."""
    return ["-n", str(min(cores, MOST)), "--dist", "worksteal"] if cores > 1 else []


def commands(environment: Path, extra: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Name and command line of every check, in order; ``extra`` goes to pytest, after ours."""
    python = str(python_in(environment))
    return [
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format --check", [python, "-m", "ruff", "format", "--check", "."]),
        ("mypy", [python, "-m", "mypy"]),
        ("lint-imports", [str(script_in(environment, "lint-imports"))]),
        ("pytest", [python, "-m", "pytest", *side_by_side(cores()), *extra]),
    ]


def _call(command: Sequence[str], root: Path) -> int:
    return subprocess.call(command, cwd=root, env=clean_variables())


def run(
    root: Path,
    environment: Path,
    extra: Sequence[str],
    *,
    call: Callable[[Sequence[str], Path], int] = _call,
) -> int:
    """Runs every check in ``root`` and returns 0, or the exit code of the first that failed.

    Prints nothing after pytest when all is well, so that its closing line is the last one.
    """
    checks = commands(environment, extra)
    for number, (name, command) in enumerate(checks, 1):
        print(f"[{number}/{len(checks)}] {name}", flush=True)
        start = time.monotonic()
        code = call(command, root)
        if code:
            took = duration(time.monotonic() - start)
            print(f"Failed: {name} (exit code {code}, after {took})", file=sys.stderr, flush=True)
            return code if 0 < code < 256 else 1
    return 0
