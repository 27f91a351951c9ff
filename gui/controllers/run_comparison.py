"""Several runs beside one another: their curves, their figures on the same leaves, what differs.

Fetched on the store lane, worked out in the free one. Knows the use-cases; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.ids import ImageId
from core.domain.run import Run, Score
from core.errors import TrainingRefused
from core.services import run_facts
from core.services.bootstrap import Interval
from core.services.figures import (
    Gain,
    accuracy_interval,
    concordance_interval,
    dice_interval,
    gain,
)
from core.services.programme import groups_of
from core.services.run_facts import Facts
from core.services.runs import run_folder
from core.training.events import Evaluated, replay
from core.training.run_folder import RunFolder

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from gui.context import Context


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One run: its looks at held-out leaves by step, its figures on ``leaves`` that all have scored
    without having learnt them, and what it did against the first one; None for that one itself.
    """

    run: Run
    looks: tuple[Evaluated, ...]
    dice: Interval | None
    accuracy: Interval | None
    ccc: Interval | None
    against: Gain | None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """``differences`` are (name, a value for each run)."""

    runs: tuple[Compared, ...]
    leaves: int
    differences: list[tuple[str, list[str]]]


@dataclass(frozen=True, slots=True)
class _Found:
    run: Run
    folder: RunFolder
    held: list[Score]
    groups: dict[ImageId, str]


def load(context: Context, runs: Sequence[Run], got: Callable[[Comparison], None]) -> None:
    """Hands over the comparison of those of ``runs`` that still have their folder."""

    def ask(store: ProjectStore) -> list[_Found]:
        found = []
        for run in runs:
            try:
                folder = run_folder(store, run)
            except TrainingRefused:  # its folder has gone
                continue
            held = [s for s in store.scores(run.id) if s.split == "val"]
            found.append(_Found(run, folder, held, groups_of(store, held)))
        return found

    def fetched(found: list[_Found]) -> None:
        context.tasks.run(lambda: work_out(found), on_done=got)

    context.project.ask(ask, on_done=fetched)


def work_out(found: Sequence[_Found]) -> Comparison:
    """In the free lane: reads the runs' events and draws for every figure."""
    scored = [{s.image for s in f.held} for f in found if f.held]
    common = set.intersection(*scored) if scored else set()
    held = [[s for s in f.held if s.image in common] for f in found]
    compared = []
    for k, one in enumerate(found):
        looks = {e.step: e for e in replay(one.folder.events) if isinstance(e, Evaluated)}
        compared.append(
            Compared(
                run=one.run,
                looks=tuple(looks[step] for step in sorted(looks)),
                dice=dice_interval(held[k], one.groups),
                accuracy=accuracy_interval(held[k], one.groups),
                ccc=concordance_interval(held[k], one.groups),
                against=gain(held[0], held[k], one.groups) if k and held[k] else None,
            )
        )
    facts: list[Facts] = [run_facts.facts(f.folder, f.run) for f in found]
    return Comparison(tuple(compared), len(common), run_facts.differences(facts))
