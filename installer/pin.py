"""Writes the versions of this environment as the constraints for the next one.

    .venv/bin/python -m installer.pin > installer/constraints.txt

For whoever renews the libraries: install the newer ones, run every test, then run this. It names
what Leafspot's requirements lead to and nothing else that happens to be installed, besides what
the benches alone need, which ``pyproject.toml`` asks for in one version. Knows metadata only; needs
the module ``packaging``, which the tests bring.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from installer.stamp import read_wanted

HEADER = """\
# The versions that were tested together. Written by installer.pin; see CONTRIBUTING.md.
"""
# Two releases tested: the newer one aborts on Python 3.11 after some 500 signals.
QT = {"pyside6-essentials", "shiboken6"}
QT_LINES = "{name}==6.11.3 ; python_version < '3.12'\n{name}==6.12.0 ; python_version >= '3.12'"
# Packages that torch asks for on Linux alone.
LINUX = re.compile(r"nvidia-|cuda-|triton$")


def plain(name: str) -> str:
    """The normal form of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def reachable(requirements: tuple[str, ...]) -> dict[str, str]:
    """Name to version of every installed package that ``requirements`` lead to."""
    found: dict[str, str] = {}
    visited: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(line), frozenset({""})) for line in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        key = (plain(requirement.name), frozenset(requirement.extras))
        if key in visited:
            continue
        visited.add(key)
        package = metadata.distribution(requirement.name)
        found[key[0]] = package.version.partition("+")[0]
        inner = frozenset({"", *requirement.extras})
        waiting += [(Requirement(line), inner) for line in package.requires or ()]
    return found


def exact(root: Path) -> dict[str, str]:
    """Name to version of what the benches alone need."""
    with (root / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["project"]["optional-dependencies"]["bench"]
    return dict(line.split("==") for line in lines)


def line_for(name: str, version: str) -> str:
    """One pinned package, with the marker that confines it."""
    if name in QT:
        return QT_LINES.format(name=name)
    marker = " ; sys_platform == 'linux'" if LINUX.match(name) else ""
    return f"{name}=={version}{marker}"


def main() -> None:
    """Prints the constraints file."""
    root = Path(__file__).resolve().parent.parent
    pins = reachable((*read_wanted(root).requirements, "pip")) | exact(root)
    sys.stdout.write(HEADER + "".join(f"{line_for(*pin)}\n" for pin in sorted(pins.items())))


if __name__ == "__main__":
    main()
