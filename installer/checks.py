"""What ``test`` runs: style, types, the layers, then the tests; the first failure ends it.

Knows the commands and their order; the rules themselves are in ``pyproject.toml`` and ``tests``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from installer.environment import clean_variables, python_in, script_in
from installer.report import duration


def commands(environment: Path, extra: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Name and command line of every check, in order; ``extra`` goes to pytest."""
    python = str(python_in(environment))
    return [
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format --check", [python, "-m", "ruff", "format", "--check", "."]),
        ("mypy", [python, "-m", "mypy"]),
        ("lint-imports", [str(script_in(environment, "lint-imports"))]),
        ("pytest", [python, "-m", "pytest", *extra]),
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
