"""“Train on the hard leaves”: what that will do, in sentences, and the two ways of doing it.

Knows a `HardPlan` and whom to ask for the run; knows no process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QDialog, QRadioButton, QWidget

from core.domain.ids import ImageId
from core.domain.run import Run
from core.errors import TrainingRefused
from core.language import number_text, tr, trn
from core.services import programme
from core.services.folds import FOLDS
from core.services.hard_samples import HardPlan, hard_run_plan
from core.services.programme import GENTLE
from core.services.runs import afresh
from core.training.config import TrainConfig
from core.training.snapshot import judged_wrong_sentence
from gui.context import Context
from gui.controllers import wording
from gui.controllers.focus import Focus
from gui.controllers.programme import HardStage, Programme, Step
from gui.controllers.run_preparation import Fold, RunRequest
from gui.controllers.shared import shared
from gui.controllers.training import TrainingController
from gui.panels.numbers import NumberBox
from gui.panels.pieces import button, column, in_order, label, row

if TYPE_CHECKING:
    from core.ports import ProjectStore


@dataclass(frozen=True, slots=True)
class HardOffer:
    """``plan`` as the use-case made it; ``afresh`` are the run's own settings, without adapter.

    ``sweep`` are the plans of several thresholds, highest first, each with other leaves.
    """

    run: Run
    below: float
    plan: HardPlan
    afresh: TrainConfig
    sweep: tuple[HardPlan, ...] = ()


def make_offer(store: ProjectStore, run: Run, below: float) -> HardOffer:
    """On the store lane. Raises TrainingRefused when no leaf is hard."""
    plan = hard_run_plan(store, run, below)
    settings = replace(afresh(store, run), hard=plan.images)
    return HardOffer(run, below, plan, settings, _sweep(store, run))


def _sweep(store: ProjectStore, run: Run) -> tuple[HardPlan, ...]:
    found: dict[tuple[ImageId, ...], HardPlan] = {}
    for below in sorted(programme.TAUS, reverse=True):
        try:
            plan = hard_run_plan(store, run, below)
        except TrainingRefused:  # none is that hard, nor under a lower threshold
            break
        if plan.images and plan.parent is not None:
            found.setdefault(plan.images, plan)
    return tuple(found.values())


class HardDialog(QDialog):
    """``accepted_request`` carries the `RunRequest` that was agreed to, and the steps after it."""

    accepted_request = Signal(object, object)

    def __init__(self, offer: HardOffer, parent: QWidget) -> None:
        super().__init__(parent)
        self._offer = offer
        plan = offer.plan
        self.setWindowTitle(tr("Train on the hard leaves"))
        self.sentences = sentences(offer)
        text = label("\n\n".join(self.sentences), wrap=True)
        text.setMinimumWidth(460)
        self.go_on = QRadioButton(tr("Continue the adapter of this run"))
        self.afresh = QRadioButton(tr("Start afresh from the base model"))
        self._ways = QButtonGroup(self)
        for choice in (self.go_on, self.afresh):
            self._ways.addButton(choice)
        self.gentle = QCheckBox(tr("Gently, as published: learning rate 10⁻⁵, falling to 10⁻⁷"))
        self.mined = QCheckBox(
            tr("First find the hard leaves by models that have not learnt them ({n} short runs)",
               n=FOLDS)
        )  # fmt: skip
        self.mined.setVisible(not plan.out_of_fold)
        self.sweep = QCheckBox(
            tr(
                "One run for each of Dice {thresholds}, to see which threshold serves best",
                thresholds=", ".join(number_text(p.settings.below, ".2f") for p in offer.sweep),
            )
        )
        self.sweep.setVisible(len(offer.sweep) > 1)
        for box in (self.gentle, self.mined, self.sweep):
            box.setEnabled(plan.parent is not None)
            self.afresh.toggled.connect(box.setDisabled)
        self.go_on.setEnabled(plan.parent is not None)
        (self.go_on if plan.parent is not None else self.afresh).setChecked(True)
        self.minutes = NumberBox(1, 24 * 60, lambda n: trn(" minute", " minutes", n))
        self.minutes.setValue(round(plan.settings.minutes))
        self.train = button(tr("Train on the hard leaves"), self._agreed, primary=True)
        self.train.setEnabled(bool(plan.images))
        self.train.setDefault(True)
        cancel = button(tr("Cancel"), self.reject)
        buttons = in_order([self.train], cancel, accept=True)
        span = row(label(tr("For"), "muted"), self.minutes, None)
        closer = column(self.gentle, self.mined, self.sweep, spacing=8)
        closer.setContentsMargins(26, 0, 0, 0)  # they belong to the choice above them
        ways = column(self.go_on, closer, self.afresh, spacing=10)
        self.setLayout(column(text, ways, span, buttons, spacing=14, margin=20))

    def _agreed(self) -> None:
        offer, minutes = self._offer, float(self.minutes.value())
        self.accept()
        if not self.go_on.isChecked():
            settings = replace(offer.afresh, minutes=minutes)
            self.accepted_request.emit(RunRequest(settings, None), [])
            return
        gentle, run = self.gentle.isChecked(), offer.run
        first, *others = offer.sweep if self.sweep.isChecked() else (offer.plan,)
        settings = replace(first.settings, minutes=minutes)
        if gentle:
            settings = replace(settings, **GENTLE, accumulation=2)  # type: ignore[arg-type]
        request = RunRequest(settings, first.parent)
        then: list[Step] = [
            HardStage(run.id, plan.settings.below, minutes, gentle) for plan in others
        ]
        if self.mined.isChecked():
            folds = [Fold(run, number, FOLDS) for number in range(FOLDS)]
            own = HardStage(run.id, first.settings.below, minutes, gentle)
            request, then = RunRequest(settings, fold=folds[0]), [*folds[1:], own, *then]
        self.accepted_request.emit(request, then)


class HardRuns(QObject):
    """Asks about a run on the hard leaves and starts it."""

    def __init__(self, context: Context, training: TrainingController, page: QWidget) -> None:
        super().__init__(page)
        self._context, self._training, self._page = context, training, page
        self.dialog: HardDialog | None = None

    def offer(self, run: Run, below: float) -> None:
        """Work out what training on the leaves of ``run`` under ``below`` would do, and ask."""
        self._context.project.ask(
            lambda store: make_offer(store, run, below),
            on_done=self._ask,
            on_error=self._context.notices.show,
            owner=self,
        )

    def control(self, run: Run) -> None:
        """Train ``run`` once more without masks."""

        def asked(request: programme.Request) -> None:
            self._train(RunRequest(request.config))

        self._context.project.ask(
            lambda store: programme.control(store, run),
            on_done=asked,
            on_error=self._context.notices.show,
            owner=self,
        )

    def _ask(self, offer: HardOffer) -> None:
        self.dialog = HardDialog(offer, self._page)
        self.dialog.accepted_request.connect(self._train)
        self.dialog.finished.connect(self.dialog.deleteLater)
        self.dialog.open()

    def _train(self, request: RunRequest, then: Sequence[Step] = ()) -> None:
        if self._training.busy_sentence:
            self._context.notices.warning(self._training.busy_sentence)
            return
        shared(self._context, Focus).put(None)
        self._context.navigate("train")
        shared(self._context, Programme).begin(request, then)


def sentences(offer: HardOffer) -> list[str]:
    """What will happen, for people."""
    plan = offer.plan
    hard = len(plan.images)
    said = [
        trn(
            "{n:,} leaf has a Dice below {below:.2f} and can be learnt from. The next run "
            "meets it more often, beside {others}, so that nothing learnt is forgotten.",
            "{n:,} leaves have a Dice below {below:.2f} and can be learnt from. The next run "
            "meets them more often, beside {others}, so that nothing learnt is forgotten.",
            hard,
            below=offer.below,
            others=trn("{n:,} other leaf", "{n:,} other leaves", len(plan.replay)),
        )
    ]
    if not hard:
        said = [
            tr("None of the leaves to learn from has a Dice below {below:.2f}.", below=offer.below)
        ]
    elif plan.dice is not None:
        now = wording.dice(plan.dice)
        said.append(
            tr("Their mean Dice is {now} now; Review will show what becomes of it.", now=now)
        )
    if plan.out_of_fold:
        said.append(tr("They were judged by models that had not learnt them."))
    if plan.held_out:
        said.append(
            trn(
                "{n:,} hard leaf is held out for testing and will not be learnt from.",
                "{n:,} hard leaves are held out for testing and will not be learnt from.",
                len(plan.held_out),
            )
        )
    if plan.set_aside:
        said.append(judged_wrong_sentence(len(plan.set_aside)))
    if plan.parent is None:
        said.append(f"{plan.why.partition(';')[0]}.")
    return said
