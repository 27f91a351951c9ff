#!/usr/bin/env python3
"""The two commands: ``python3 installer/run.py demo`` and ``python3 installer/run.py test``.

Knows only which Python is enough. It is written so that even Python 2.7 can read it and say so;
everything else is in ``installer/main.py``, which needs the right one.
"""
# An old Python must be able to read this file to refuse politely, so no modern idiom in it.
# ruff: noqa: UP031, PTH100, PTH118, PTH120

import os
import sys

MINIMUM = (3, 11)


def newer_pythons(folders):
    """Names of Pythons in these folders that are new enough, the newest first."""
    found = []
    for minor in range(30, MINIMUM[1] - 1, -1):
        name = "python3.%d" % minor
        if any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders):
            found.append(name)
    return found


def refusal(version, pythons, arguments):
    """The one sentence for a Python that is too old."""
    wanted = "Leafspot needs Python %d.%d or newer, and this is Python %d.%d: " % (
        MINIMUM + tuple(version[:2])
    )
    if pythons:
        return wanted + "run it as  %s installer/run.py %s" % (pythons[0], " ".join(arguments))
    return wanted + "install a newer one and run the same command with it."


def main(arguments):
    if sys.version_info < MINIMUM:
        folders = os.environ.get("PATH", "").split(os.pathsep)
        text = refusal(sys.version_info, newer_pythons(folders), arguments)
        sys.stderr.write(text + "\n")
        return 2
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Instead of the script's own folder, so that no module here can hide one of Python's.
    sys.path[0] = root
    from installer.main import main as modern_main

    return modern_main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
