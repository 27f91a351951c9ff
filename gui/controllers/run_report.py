"""What Review and Train show of a run as a whole: its figures, and what it is held against.

Fetched on the store lane, worked out in the free one. Knows the use-cases; knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.disease import colours_by_name
from core.domain.ids import ImageId, RunId
from core.domain.run import Run, Score
from core.errors import TrainingRefused
from core.services import figures, programme
from core.services.figures import WORSE, Change, Figures, Gain
from core.services.hard_samples import BELOW as EASY
from core.services.runs import lineage, run_config, run_folder
from core.training.config import Answers, TrainConfig
from core.training.run_folder import RunFolder

if TYPE_CHECKING:
    from core.ports import ProjectStore
    from gui.context import Context


NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class RunReport:
    """``figures`` are of the held-out leaves, of all where ``held_out`` is False.

    ``tuned`` is what training did to the leaves that the untuned base was looked at with, None
    where that was not kept; ``untuned`` the base's own figures there, as the first of a line of
    continued runs looked at it. ``stage`` is what the run did to the one it continued. ``mask``
    says whether the masks helped, "" without a control.
    """

    run: Run
    config: TrainConfig
    held_out: bool
    figures: Figures
    untuned: Figures | None
    tuned: Gain | None
    stage: programme.Acceptance | None
    control: Run | None
    mask: str
    colours: dict[str, str]
    names: dict[int, str] = field(default_factory=dict)
    """File names of the leaves that lost most."""

    @property
    def has_masks(self) -> bool:
        return self.config.answers is Answers.MASK

    @property
    def changes(self) -> tuple[Change, ...]:
        """Each leaf's Dice before and after, greatest loss first: against the run that was
        continued, else against the untuned base.
        """
        found = self.stage.gain if self.stage is not None else self.tuned
        return found.changes if found is not None else ()

    @property
    def worst(self) -> tuple[Change, ...]:
        """Easy leaves that became worse, a few of them."""
        lost = (c for c in self.changes if c.before >= EASY and c.after < c.before - WORSE)
        return tuple(lost)[:NAMED]


@dataclass(frozen=True, slots=True)
class Material:
    """All that the project and the run's folder say; nothing worked out yet. ``compared`` are the
    folders of the run with masks and of its control, where both are there.
    """

    run: Run
    config: TrainConfig
    scores: list[Score]
    untuned: list[Score]
    before: Run | None
    before_scores: list[Score]
    control: Run | None
    control_scores: list[Score]
    masked_scores: list[Score]
    compared: tuple[RunFolder, RunFolder] | None
    colours: dict[str, str]
    groups: dict[ImageId, str]


def fetch(store: ProjectStore, run: Run) -> Material:
    """On the store lane. Raises TrainingRefused when the run's folder has gone."""
    folder = run_folder(store, run)
    before = next((r for r in store.runs() if r.id == run.parent), None)
    config = run_config(folder)
    scores = store.scores(run.id)
    masked, control = run, programme.control_of(store, run)
    if config.control_of:
        known = {r.id: r for r in store.runs()}
        masked, control = known.get(RunId(config.control_of), run), run
    return Material(
        run=run,
        config=config,
        scores=scores,
        untuned=_untuned(store, run),
        before=before,
        before_scores=store.scores(before.id) if before else [],
        control=control,
        control_scores=store.scores(control.id) if control else [],
        masked_scores=store.scores(masked.id) if control else [],
        compared=_folders(store, masked, control),
        colours=colours_by_name(store.diseases()),
        groups=programme.groups_of(store, scores),
    )


def _folders(
    store: ProjectStore, masked: Run, control: Run | None
) -> tuple[RunFolder, RunFolder] | None:
    if control is None:
        return None
    try:
        return run_folder(store, masked), run_folder(store, control)
    except TrainingRefused:  # one of them has gone
        return None


def _untuned(store: ProjectStore, run: Run) -> list[Score]:
    """What the base said before any training; a run that continues an adapter began with that."""
    by_id = {r.id: r for r in store.runs()}
    first = by_id[line[-1]] if (line := lineage(store, run)) else run
    try:
        folder = run_folder(store, first)
        return [] if run_config(folder).parent else folder.read_look(0)
    except TrainingRefused:  # the folder of the first has gone
        return []


def work_out(found: Material) -> RunReport:
    """In the free lane: two thousand draws for every figure."""
    held = [s for s in found.scores if s.split == "val"]
    shown = held or found.scores
    classes = found.config.classes
    untuned, groups = found.untuned, found.groups
    return RunReport(
        run=found.run,
        config=found.config,
        held_out=bool(held),
        figures=figures.figures_of(shown, classes, groups),
        untuned=figures.figures_of(untuned, classes, groups) if untuned else None,
        tuned=figures.gain(untuned, shown, groups) if untuned else None,
        stage=programme.judge(found.before, found.before_scores, held, groups),
        control=found.control,
        mask=_mask(found),
        colours=found.colours,
    )


def _mask(found: Material) -> str:
    """Whether the masks helped, said of either of the two runs; "" without a control."""
    held = [s for s in found.masked_scores if s.split == "val"]
    if found.control is None or not held:
        return ""
    said = programme.mask_sentence(figures.gain(found.control_scores, held, found.groups))
    practice = programme.practice_sentence(*found.compared) if found.compared else ""
    return " ".join(text for text in (said, practice) if text)


def load(
    context: Context, run: Run, got: Callable[[RunReport], None], failed: Callable[..., None]
) -> None:
    """Hands the report over on the GUI thread."""

    def named(report: RunReport) -> None:
        ids = [ImageId(c.image) for c in report.worst]
        context.project.ask(
            lambda store: {int(card.id): card.name for card in store.cards(ids)},
            on_done=lambda names: got(replace(report, names=names)),
            on_error=failed,
        )

    def fetched(found: Material) -> None:
        context.tasks.run(lambda: work_out(found), on_done=named, on_error=failed)

    context.project.ask(lambda store: fetch(store, run), on_done=fetched, on_error=failed)
