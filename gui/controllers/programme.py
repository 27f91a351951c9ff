"""Runs that follow one another by themselves: later stages, folds, whatever was asked for.

Each begins when the one before has ended well and been taken in; a stop, a failure or a refusal
ends the row. Knows the training controller and `core.services.programme`; knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.domain.ids import RunId
from core.domain.run import RunState
from core.language import tr, trn
from core.services import programme, runs
from core.services.hard_samples import hard_run_plan
from core.training.config import Stage
from gui.context import Context
from gui.controllers.run_preparation import Fold, RunRequest
from gui.controllers.shared import Shared, shared
from gui.controllers.training import TrainingController

if TYPE_CHECKING:
    from core.ports import ProjectStore


@dataclass(frozen=True, slots=True)
class HardStage:
    """The hard leaves of ``run`` under ``below``, found out when its turn comes. ``gentle``: as
    published, else by half the rate of ``run``.
    """

    run: RunId
    below: float
    minutes: float
    gentle: bool


Step = Stage | Fold | HardStage


class Programme(Shared):
    """``begin`` starts a row. What is left of it is ``left``."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._training = shared(context, TrainingController)
        self.left: list[Step] = []
        self._training.ended.connect(self._ended)
        self._training.refused.connect(lambda _problems: self._drop())
        context.project.opened.connect(self._drop)

    @property
    def sentence(self) -> str:
        """What comes after the run that is going on; "" when nothing does."""
        if not self.left:
            return ""
        return trn("{n} more run follows by itself.", "{n} more runs follow by themselves.",
                   len(self.left))  # fmt: skip

    def begin(self, first: RunRequest, then: Sequence[Step] = ()) -> None:
        """Train ``first``, then the others in turn."""
        self.left = list(then)
        self._training.start(first)

    def _drop(self) -> None:
        self.left = []

    def _ended(self, run: RunId) -> None:
        if not self.left:
            return
        step, *self.left = self.left

        def ask(store: ProjectStore) -> RunRequest | None:
            ended = runs.find_run(store, run)
            if ended.state is not RunState.FINISHED:
                return None
            if isinstance(step, Fold):
                return RunRequest(runs.run_config(runs.run_folder(store, step.run)), fold=step)
            if isinstance(step, HardStage):
                return hard_request(store, step)
            found = programme.stage_after(store, ended, step)
            return RunRequest(found.config, found.parent)

        def got(request: RunRequest | None) -> None:
            if request is None:
                self._drop()
            else:
                self._training.start(request)

        def failed(error: BaseException) -> None:
            self._drop()
            self.context.notices.show(error)

        self.context.project.ask(ask, on_done=got, on_error=failed, owner=self)


def hard_request(store: ProjectStore, step: HardStage) -> RunRequest:
    """Raises TrainingRefused when no leaf is hard."""
    run = runs.find_run(store, step.run)
    if step.gentle:
        found = programme.stage_after(store, run, Stage.HARD, below=step.below)
        return RunRequest(replace(found.config, minutes=step.minutes), found.parent)
    plan = hard_run_plan(store, run, step.below)
    return RunRequest(replace(plan.settings, minutes=step.minutes), plan.parent)


STAGES = (
    (
        Stage.PREFERENCE,
        tr("Preference on masks"),
        tr(
            "Direct preference optimisation: outlined masks against those the model drew. Off, "
            "because published gains are within chance (Dice 0.8191 to 0.8193) and it takes as "
            "long again; it is kept only if it is better on held-out leaves beyond chance."
        ),
    ),
    (
        Stage.HARD,
        tr("Hard leaves"),
        tr(
            "Goes on gently with leaves below Dice 0.75 drawn more often, beside all others; kept "
            "only if it is better on held-out leaves beyond chance."
        ),
    ),
)
"""The later stages: what each is called and what it does."""
