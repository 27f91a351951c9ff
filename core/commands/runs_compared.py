"""`leafspot runs --compare`: several runs on the same leaves, in a terminal and as a document.

Knows how they are told; the services work them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.commands.base import Console
from core.commands.interval_words import ends, told
from core.errors import UsageError
from core.language import tr
from core.services import compare_words, comparison, run_choice, run_titles, runs
from core.services.comparison import Beside, ClassChange, SideBySide, letter
from core.services.figures import ClassFigures

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from core.services.bootstrap import Interval

MOST = 26
"""There are no more letters to call them by."""
SIGNED = "+z.2f"


def tell(console: Console, store: ProjectStore, wanted: Sequence[str]) -> int:
    """Raises UsageError for a run that is none, for fewer than two and for more than ``MOST``,
    TrainingRefused when a run's folder has gone.
    """
    ids = list(dict.fromkeys(wanted))
    if not 2 <= len(ids) <= MOST:
        raise UsageError(
            tr("Name two to {most} runs to compare; “leafspot runs” lists them.", most=MOST)
        )
    several = [comparison.scored(store, runs.find_run(store, one)) for one in ids]
    found = comparison.side_by_side(several)
    choice = run_choice.sentence(several)
    for k, one in enumerate(found.runs):
        console.result(f"{letter(k)}  {one.run.id}  {run_titles.title(one.run)}")
    for line in (*compare_words.which(found), *compare_words.unlike(found)):
        console.result(line)
    console.result("")
    for k, one in enumerate(found.runs):
        _run(console, letter(k), _whole(one))
    for place, first in enumerate(found.runs[0].figures.classes):
        each = [one.figures.classes[place] for one in found.runs]
        if any(c.leaves or c.precision for c in each):
            console.result(f"{first.name}:")
            for k, mine in enumerate(each):
                _run(console, f"  {letter(k)}", _class(mine))
    if any(one.changes is not None for one in found.runs):
        console.result("")
        console.result(compare_words.against(found))
        _changes(console, found)
    console.result("")
    console.result(choice)
    console.document(_document(found, choice))
    return 0


Row = list[tuple[str, "Interval | None"]]


def _run(console: Console, name: str, cells: Row, form: str = ".2f") -> None:
    known = [f"{title} {told(cell, form)}" for title, cell in cells if cell is not None]
    console.result(f"{name}  {', '.join(known) or '–'}")


def _whole(one: Beside) -> Row:
    found = one.figures
    return [
        (tr("lesion Dice"), found.dice),
        (tr("diseases right"), found.accuracy),
        (tr("severity, Lin's CCC"), found.severity.ccc if found.severity else None),
        (tr("calibration error"), found.calibration.error if found.calibration else None),
    ]


def _class(mine: ClassFigures | ClassChange) -> Row:
    return [
        (tr("Dice"), mine.dice),
        (tr("Recall"), mine.recall),
        (tr("Precision"), mine.precision),
    ]


def _changes(console: Console, found: SideBySide) -> None:
    for k, one in enumerate(found.runs):
        changes = one.changes
        if changes is None:
            continue
        rows: Row = [
            (tr("lesion Dice"), changes.dice),
            (tr("diseases right"), changes.accuracy),
            (tr("severity, Lin's CCC"), changes.ccc),
            (tr("calibration error"), changes.calibration),
        ]
        _run(console, letter(k), rows, SIGNED)
        for mine in changes.classes:
            cells = _class(mine)
            if any(cell is not None for _, cell in cells):
                _run(console, f"  {letter(k)} {mine.name}:", cells, SIGNED)


def _document(found: SideBySide, choice: str) -> dict[str, object]:
    return {
        "leaves": found.leaves,
        "labelled_otherwise": found.otherwise,
        "choice": choice,
        "runs": [_one(one) for one in found.runs],
    }


def _one(one: Beside) -> dict[str, object]:
    own, changes = one.figures, one.changes
    return {
        "run": one.run.id,
        "held_out": len(one.scored.held),
        "leaves": own.leaves,
        "dice": ends(own.dice),
        "accuracy": ends(own.accuracy),
        "severity_ccc": ends(own.severity.ccc) if own.severity else None,
        "calibration_error": ends(own.calibration.error) if own.calibration else None,
        "calibration_error_by_chance": own.calibration.by_chance if own.calibration else None,
        "classes": {c.name: _figures(c) for c in own.classes},
        "less_the_first": None
        if changes is None
        else {
            "leaves": changes.leaves,
            "dice": ends(changes.dice),
            "accuracy": ends(changes.accuracy),
            "severity_ccc": ends(changes.ccc),
            "calibration_error": ends(changes.calibration),
            "classes": {c.name: _figures(c) for c in changes.classes},
        },
    }


def _figures(one: ClassFigures | ClassChange) -> dict[str, object]:
    return {
        "leaves": one.leaves,
        "dice": ends(one.dice),
        "recall": ends(one.recall),
        "precision": ends(one.precision),
    }
