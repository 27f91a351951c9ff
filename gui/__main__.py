"""The door of the program: a worker, a command, or the window.

Knows the first words of the command line; imports what it leads to and nothing else, so that a
worker never meets Qt and a command needs no display.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from core.language import tr

INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """``--worker NAME …`` runs a worker, a verb runs a command, else the window (PROJECT)."""
    try:
        return _led(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # while libraries load: a command and the window hear it themselves
        return INTERRUPTED


def _led(args: list[str]) -> int:
    if args[:1] == ["--worker"]:
        return _worker(args[1:])
    sample = args == ["demo"] and _has_display()
    if args and not sample and not _is_project(args[0]):
        from core.cli import main as command

        return command(args)
    from gui import language
    from gui.places import kept_settings

    language.begin(kept_settings())
    if _nowhere():  # Qt would end the process with words about its plugins
        sys.stderr.write(
            tr(
                "There is no display here, so no window can be opened. The commands work without "
                "one: see “leafspot --help”.\n"
            )
        )
        return 1
    from gui.start import run

    if sample:  # drawing the leaves takes a while: the window comes first
        return run(sample=True)
    return run(Path(args[0]) if args else None)


def _worker(args: list[str]) -> int:
    if not args or not args[0].isidentifier():
        sys.stderr.write(tr("--worker needs the name of a worker.\n"))
        return 2
    sys.argv = args
    runpy.run_module(f"core.workers.{args[0]}", run_name="__main__", alter_sys=True)
    return 0


def _is_project(word: str) -> bool:
    """A folder that is a project, or looks like the name of one."""
    return word.endswith(".leafspot") or os.sep in word or Path(word, "project.db").is_file()


def _nowhere() -> bool:
    """Whether Qt has nothing to draw on, and was not told of another way."""
    told = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform.startswith("linux") and not any(os.environ.get(name) for name in told)


def _has_display() -> bool:
    from core.commands.demo import has_display

    return has_display()


if __name__ == "__main__":
    sys.exit(main())
