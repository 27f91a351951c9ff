"""Several runs beside one another: their curves, their figures on the same leaves, what differs.

Fetched on the store lane, worked out in the free one. Knows the use-cases; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.disease import colours_by_name
from core.domain.ids import RunId
from core.domain.run import Run
from core.errors import TrainingRefused
from core.services import comparison, run_choice, run_facts
from core.services.comparison import Beside, Scored, SideBySide
from core.training.events import Evaluated, replay

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from gui.context import Context


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """``figures`` of the runs; ``looks`` of each at its held-out leaves, by step; which to take
    away, in words; ``differences`` of their settings are (name, a value for each run). ``colours``
    are those of diseases by name.
    """

    figures: SideBySide
    looks: tuple[tuple[Evaluated, ...], ...]
    choice: str
    differences: list[tuple[str, list[str]]]
    colours: dict[str, str]

    @property
    def runs(self) -> tuple[Beside, ...]:
        return self.figures.runs


@dataclass(frozen=True, slots=True)
class Material:
    """All that the project says of the runs; nothing worked out yet."""

    runs: list[Scored]
    colours: dict[str, str]


def load(
    context: Context, runs: Sequence[Run], against: RunId, got: Callable[[Comparison], None]
) -> None:
    """Hands over the comparison of those of ``runs`` that still have their folder, held against
    that of the id ``against``, or the first where it has none.
    """

    def ask(store: ProjectStore) -> Material:
        found = []
        for run in runs:
            try:
                found.append(comparison.scored(store, run))
            except TrainingRefused:  # its folder has gone
                continue
        return Material(found, colours_by_name(store.diseases()))

    def fetched(found: Material) -> None:
        context.tasks.run(lambda: work_out(found, against), on_done=got)

    context.project.ask(ask, on_done=fetched)


def work_out(found: Material, against: RunId) -> Comparison:
    """In the free lane: reads the runs' events and draws for every figure."""
    places = [k for k, one in enumerate(found.runs) if one.run.id == against]
    facts = [run_facts.facts(one.folder, one.run) for one in found.runs]
    return Comparison(
        figures=comparison.side_by_side(found.runs, places[0] if places else 0),
        looks=tuple(_looks(one) for one in found.runs),
        choice=run_choice.sentence(found.runs),
        differences=run_facts.differences(facts),
        colours=found.colours,
    )


def _looks(one: Scored) -> tuple[Evaluated, ...]:
    found = {e.step: e for e in replay(one.folder.events) if isinstance(e, Evaluated)}
    return tuple(found[step] for step in sorted(found))
