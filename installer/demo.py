"""What ``demo`` starts: the window where there is a display, the same job in the terminal if not.

Knows displays; knows nothing of the program beyond ``python -m gui demo``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from installer.environment import clean_variables, python_in

HEADLESS = "--headless"
_PROBE = "from PySide6.QtGui import QGuiApplication; QGuiApplication(['probe'])"


def display_named(platform: str = sys.platform, variables: Mapping[str, str] | None = None) -> bool:
    """Whether this session claims a display. Windows and macOS always have one."""
    variables = os.environ if variables is None else variables
    if not platform.startswith("linux"):
        return True
    return bool(variables.get("DISPLAY") or variables.get("WAYLAND_DISPLAY"))


def display_works(environment: Path) -> bool:
    """Whether Qt can really open it: DISPLAY may name one that is gone, or lack a library."""
    try:
        done = subprocess.run(
            [str(python_in(environment)), "-c", _PROBE],
            capture_output=True, env=clean_variables(), timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def start(root: Path, environment: Path, arguments: Sequence[str]) -> int:
    """Runs the demo and returns its exit code; on Linux and macOS this process becomes it."""
    command = [str(python_in(environment)), "-m", "gui", "demo", *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(root)
    if sys.platform != "win32":  # exec there returns to the prompt at once
        os.execve(command[0], command, clean_variables())
    return subprocess.call(command, env=clean_variables())
