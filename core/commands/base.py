"""What every command of the terminal is given, and how it talks.

Results go to standard output, everything else to standard error; with ``--json`` standard output
carries one JSON document and nothing else. Knows streams and the project's port; knows no verb.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from core.errors import ProjectLocked, ProjectReadOnly
from core.language import tr
from core.ports import ProjectStore

SUFFIX = ".leafspot"
_UNSHOWN = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\t\n"
}
"""A file may be named after the orders of a terminal; none is obeyed, nor is text turned round."""


class Open(Protocol):
    """Opens a project; raises ProjectError."""

    def __call__(self, folder: Path, *, read_only: bool = False) -> ProjectStore: ...


class Create(Protocol):
    """Makes a project; raises ProjectError."""

    def __call__(self, folder: Path) -> ProjectStore: ...


class Console:
    """``as_json`` keeps standard output for the document alone."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool) -> None:
        self._out, self._err, self.as_json = out, err, as_json
        self._live = ""
        self._shown: dict[str, int] = {}

    def result(self, text: str) -> None:
        """A line of the answer; silent with ``--json``, whose document says the same."""
        if not self.as_json:
            self._end_live()
            self._out.write(text.translate(_UNSHOWN) + "\n")
            self._out.flush()

    def note(self, text: str) -> None:
        """A line for whoever watches."""
        self._end_live()
        self._err.write(text.translate(_UNSHOWN) + "\n")
        self._err.flush()

    def progress(self, what: str, done: int, total: int) -> None:
        """How far ``what`` got: one moving line on a terminal, a line for each tenth elsewhere."""
        if self._err.isatty():
            self.live(tr("{what}: {done:,} of {total:,}", what=what, done=done, total=total))
            return
        tenth = 10 * done // total if total else 0
        if tenth != self._shown.get(what, -1):
            self._shown[what] = tenth
            self.note(tr("{what}: {done:,} of {total:,}", what=what, done=done, total=total))

    def live(self, text: str) -> None:
        """Replaces the moving line of a terminal; nothing elsewhere."""
        if self._err.isatty():
            self._err.write("\r" + text[:110].translate(_UNSHOWN).ljust(len(self._live)))
            self._err.flush()
            self._live = text[:110]

    def document(self, document: object) -> None:
        """The one JSON document; silent without ``--json``."""
        if self.as_json:
            self._out.write(json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n")
            self._out.flush()

    def _end_live(self) -> None:
        if self._live:
            self._err.write("\n")
            self._live = ""


class Restore(Protocol):
    """Goes back to a backup, the newest good one unless ``chosen``, and names it; raises
    ProjectError."""

    def __call__(self, folder: Path, chosen: Path | None = None) -> Path: ...


@dataclass(frozen=True)
class Context:
    """``open_window`` shows a project in the window and waits for its end; None: no window."""

    console: Console
    open: Open
    create: Create
    restore: Restore
    open_window: Callable[[Path], int] | None = field(default=None)

    @contextlib.contextmanager
    def project(self, folder: str, *, write: bool = False) -> Iterator[ProjectStore]:
        """The project called ``folder``, closed afterwards. ``write`` insists on being the writer.

        Raises ProjectError, ProjectLocked with who holds it, ProjectReadOnly.
        """
        store = self.open(Path(folder))
        try:
            if write and store.read_only:
                raise _refusal(store)
            yield store
        finally:
            store.close()


def _refusal(store: ProjectStore) -> ProjectLocked | ProjectReadOnly:
    if store.locked_by:
        return ProjectLocked(
            tr(
                "“{name}” is open for {locked_by}; close it there and try again.",
                name=store.name,
                locked_by=store.locked_by,
            )
        )
    return ProjectReadOnly(
        tr(
            "“{name}” may not be written; copy the project to a folder of your own.",
            name=store.name,
        )
    )


@dataclass(frozen=True, slots=True)
class Command:
    """A verb. ``arguments`` adds its options; ``run`` gives back the exit status."""

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Context, Any], int]


def shown_path(path: Path) -> str:
    """As a person would type it: relative where it lies below the current folder."""
    text = str(path)
    with contextlib.suppress(ValueError, OSError):
        # resolve() would show where a link leads instead of the name a person knows.
        text = str(Path(os.path.abspath(path)).relative_to(Path.cwd()))  # noqa: PTH100
    return text.replace("\n", "\N{REPLACEMENT CHARACTER}")


def minutes(text: str) -> float:
    """For argparse: more than none, at most a week."""
    return _number(text, 0, 10_080, tr("minutes lie between 0 and 10080, a week"))


def share(text: str) -> float:
    """For argparse: a Dice."""
    return _number(text, -1e-9, 1, tr("a Dice lies between 0 and 1"))


def processes(text: str) -> int:
    """For argparse: how many share a piece of work."""
    otherwise = tr("processes lie between 1 and 64")
    found = _number(text, 0, 64, otherwise)
    if not found.is_integer():
        raise _unfit(text, otherwise)
    return int(found)


def _number(text: str, above: float, most: float, otherwise: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not above < value <= most:
        raise _unfit(text, otherwise)
    return value


def _unfit(text: str, otherwise: str) -> argparse.ArgumentTypeError:
    said = tr("{what!r} will not do, {otherwise}", what=text, otherwise=otherwise)
    return argparse.ArgumentTypeError(said)
