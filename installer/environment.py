"""The private Python environment ``.venv``: made, repaired after an interruption, or made anew.

Knows what an environment looks like on disk; knows nothing of what is installed into it.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

from installer import stamp
from installer.report import Refusal

NAME = ".venv"
OURS = "leafspot-environment"
"""A file that says this environment was made here, present from the first moment on."""


def python_in(environment: Path, platform: str = sys.platform) -> Path:
    """Its Python, whether it is there or not."""
    return script_in(environment, "python", platform)


def script_in(environment: Path, name: str, platform: str = sys.platform) -> Path:
    """A command that was installed into it."""
    if platform == "win32":
        return environment / "Scripts" / f"{name}.exe"
    return environment / "bin" / name


def clean_variables() -> dict[str, str]:
    """This process's variables without those that would lead Python or pip out of ``.venv``.

    pip's own configuration (index, proxy, certificates, cache) is kept: it is how a site says
    where its packages come from.
    """
    variables = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        variables.pop(name, None)
    variables["PIP_USER"] = "0"
    variables["PYTHONIOENCODING"] = "utf-8"
    return variables


def version_of(environment: Path) -> str | None:
    """``3.11.7`` if its Python runs, else None: the Python it was made from may be gone."""
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run(
            [str(python_in(environment)), "-I", "-c", code],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def usable(environment: Path) -> bool:
    """Whether pip runs in it under a Python that is new enough."""
    version = version_of(environment)
    if version is None or tuple(map(int, version.split(".")[:2])) < (3, 11):
        return False
    done = subprocess.run(
        [str(python_in(environment)), "-I", "-m", "pip", "--version"],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


def prepare(environment: Path) -> str:
    """Leaves a usable, possibly empty environment behind; says in one word what it did.

    Raises Refusal when the folder is not ours to replace, or cannot be made.
    """
    if usable(environment):
        stamp.remove(environment)
        return "repaired" if mend(environment) else "kept"
    _discard(environment)
    try:
        environment.mkdir()
        (environment / OURS).write_text("made by installer/run.py; may be deleted\n", "utf-8")
    except OSError as error:
        raise Refusal(f"{environment} cannot be made ({error.strerror}).") from error
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(environment)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0 or not usable(environment):
        words = " ".join((done.stderr or done.stdout).split())[-300:]
        raise Refusal(f"Python could not make its environment in {environment}: {words}")
    return "made"


def bytes_in(folder: Path) -> float:
    """Bytes that the files in ``folder`` take; 0 when it is not there."""
    total = 0.0
    for parent, _folders, files in os.walk(folder):
        for name in files:
            try:
                # Plain strings: there are 40,000 files.
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _discard(environment: Path) -> None:
    if not environment.exists() and not environment.is_symlink():
        return
    ours = (environment / OURS).is_file() or (environment / "pyvenv.cfg").is_file()
    empty = environment.is_dir() and not any(environment.iterdir())
    if environment.is_symlink() or not (ours or empty):
        raise Refusal(
            f"{environment} is in the way and was not made by Leafspot: move it elsewhere."
        )
    shutil.rmtree(environment)


def mend(environment: Path) -> list[str]:
    """Forgets every half-installed package, so that pip installs it again; returns their names.

    pip takes a package for installed as soon as its ``dist-info`` folder is there, whatever else an
    interruption left out. What the folder's list of files promises is compared with the disk.
    """
    forgotten = []
    for packages in _package_folders(environment):
        for leftover in packages.glob("~*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for info in sorted(packages.glob("*.dist-info")):
            if not _complete(info):
                shutil.rmtree(info)
                forgotten.append(info.name.split("-")[0])
    return forgotten


def _package_folders(environment: Path) -> list[Path]:
    return [*environment.glob("lib/python3*/site-packages"), *environment.glob("Lib/site-packages")]


def _complete(info: Path) -> bool:
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 3]
        return bool(rows) and all(
            (info.parent / name).stat().st_size == int(wanted)
            for name, _digest, wanted in rows
            if wanted and not name.endswith(".pyc")  # Python rewrites these
        )
    except (OSError, ValueError):
        return False
