"""The story of ``demo`` and ``test``: install, see to Qt's system libraries, then do it.

Knows the order and the exit codes: those of what was run, 2 for a refusal in one sentence, 130 when
stopped from the keyboard.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from installer import checks, demo, install, qt_libraries
from installer.report import Progress, Refusal

ROOT = Path(__file__).resolve().parent.parent

USAGE = """\
python3 installer/run.py demo [--headless] [--minutes M]   show the whole job on sample leaves
python3 installer/run.py test [pytest arguments]           run every check and test

The first call installs everything into .venv in this folder; delete .venv to start afresh."""

# For the tests that open a real window in a display of their own; they are skipped without.
_VIRTUAL_DISPLAY = ("xvfb", "xauth")


def main(arguments: Sequence[str]) -> int:
    """Runs the command line ``arguments`` and returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if not arguments or arguments[0] not in {"demo", "test"}:
        asked = bool(arguments) and arguments[0] in {"-h", "--help", "help"}
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        return _test(arguments[1:]) if arguments[0] == "test" else _demo(arguments[1:])
    except Refusal as refusal:
        print(f"\n{refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again, it goes on from here.", file=sys.stderr)
        return 130


def _test(arguments: Sequence[str]) -> int:
    folder = _installed()
    if _complete_qt(folder, kind="offscreen"):
        raise Refusal("Without these libraries the tests of the window cannot run.")
    if _may_install():
        _bring_virtual_display(folder)
    return checks.run(ROOT, folder, arguments)


def _demo(arguments: Sequence[str]) -> int:
    folder = _installed()
    extra = list(arguments)
    if demo.HEADLESS not in extra and not _window_possible(folder):
        print("Doing the same job in the terminal.", flush=True)
        extra.append(demo.HEADLESS)
    return demo.start(ROOT, folder, extra)


def _installed() -> Path:
    return install.ensure(ROOT, progress=Progress(sys.stdout, steps=install.STEPS))


def _window_possible(folder: Path) -> bool:
    if not demo.display_named():
        print("There is no display here.")
        return False
    on_x11 = bool(os.environ.get("DISPLAY"))
    if _complete_qt(folder, kind="window" if on_x11 else "offscreen"):
        return False
    if not demo.display_works(folder):
        print("The display of this session does not answer.")
        return False
    return True


def _may_install() -> bool:
    return qt_libraries.is_debian() and qt_libraries.is_root()


def _complete_qt(folder: Path, *, kind: str) -> bool:
    """Installs what Qt lacks, or says how; returns whether something is still missing."""
    missing = qt_libraries.missing(folder, kind=kind)
    packages = list(missing.packages)
    if qt_libraries.fonts_missing():
        packages.append("fonts-dejavu-core")
    if packages and _may_install():
        print(f"Installing Qt's system libraries: {' '.join(packages)}", flush=True)
        qt_libraries.apt_install(packages)
        missing = qt_libraries.missing(folder, kind=kind)
        packages = list(missing.packages)
    if packages and qt_libraries.is_debian():
        sudo = not qt_libraries.is_root()
        print(f"Qt needs: {qt_libraries.apt_command(packages, sudo=sudo)}", flush=True)
    elif missing:
        print(f"Qt lacks the system libraries {', '.join(missing.libraries)}: install them.")
    if missing.unknown and qt_libraries.is_debian():
        print(f"Qt also lacks {', '.join(missing.unknown)}.")
    return bool(missing)


def _bring_virtual_display(folder: Path) -> None:
    """Optional: a failure costs only the tests that need it."""
    packages = [*qt_libraries.missing(folder, kind="window").packages]
    if not qt_libraries.has_program("Xvfb"):
        packages += _VIRTUAL_DISPLAY
    if packages:
        print(f"Installing a virtual display for the tests: {' '.join(packages)}", flush=True)
        if not qt_libraries.apt_install(packages):
            print("apt-get could not; the tests that need it will be skipped.", flush=True)
