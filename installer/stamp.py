"""Remembers that an environment is complete, and for which requirements.

The stamp is written last and in one piece, so it is there only when everything else is. Knows
requirements and fingerprints; installs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from installer.report import Refusal

NAME = "leafspot-complete.json"
_SCHEME = 1
"""Raise to have every environment looked at again after a change to the installer itself."""


@dataclass(frozen=True)
class Wanted:
    """What is to be installed: requirement lines and the file that pins their versions."""

    requirements: tuple[str, ...]
    constraints: Path
    scripts: tuple[tuple[str, str], ...]


def read_wanted(root: Path) -> Wanted:
    """The requirements of ``pyproject.toml`` with those of its tests. Raises Refusal if damaged."""
    try:
        with (root / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file)["project"]
        lines = [*project["dependencies"], *project["optional-dependencies"]["test"]]
        scripts = tuple(sorted(project["scripts"].items()))
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise Refusal(
            f"pyproject.toml in {root} is missing or damaged: fetch Leafspot anew."
        ) from error
    return Wanted(tuple(lines), root / "installer" / "constraints.txt", scripts)


def fingerprint(root: Path, wanted: Wanted, *, torch_index: str | None) -> str:
    """Changes whenever an environment made before is no longer the right one.

    The folder counts, because an environment holds absolute paths; line endings do not.
    """
    pins = wanted.constraints.read_text("utf-8").splitlines()
    told = [_SCHEME, str(root), wanted.requirements, wanted.scripts, pins, torch_index]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def write(environment: Path, *, mark: str, python: str) -> None:
    """Declares ``environment`` complete for fingerprint ``mark`` under Python ``python``."""
    draft = environment / (NAME + ".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"fingerprint": mark, "python": python}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(environment / NAME)


def remove(environment: Path) -> None:
    """From now on the environment counts as incomplete."""
    (environment / NAME).unlink(missing_ok=True)


def python_of(environment: Path, *, mark: str) -> str | None:
    """The Python version that ``environment`` was completed for; None unless it is for ``mark``."""
    try:
        read = json.loads((environment / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(read, dict) or read.get("fingerprint") != mark:
        return None
    return str(read.get("python"))
