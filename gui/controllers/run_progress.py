"""The story of one run so far, folded from its events.

The same fold serves a run that is going on (events from the wire) and one that went on before the
window was opened (events from ``events.jsonl``). Knows events; knows no widget and no process.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

from core.language import tr
from core.training import events
from core.training.events import (
    Checkpoint,
    Evaluated,
    Failed,
    Finished,
    Hello,
    Notice,
    Phase,
    Scored,
    Step,
    TrainEvent,
)
from core.wording import phase_text


@dataclass(slots=True)
class RunProgress:
    """What a view draws. ``steps`` and ``losses`` run in parallel, one entry an optimiser step.

    ``eta`` is in seconds, None while unknown. ``checkpoint`` is the last committed step, None
    before the first.
    """

    phase: Phase | None = None
    last_step: Step | None = None
    steps: array[float] = field(default_factory=lambda: array("d"))
    losses: array[float] = field(default_factory=lambda: array("d"))
    evaluations: list[Evaluated] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    checkpoint: int | None = None
    scored: Scored | None = None
    finished: Finished | None = None
    failed: Failed | None = None
    _goes_on_from: int | None = None
    """Where a process that has trained nothing yet begins; None once it has."""

    @classmethod
    def replayed(cls, file: Path) -> RunProgress:
        """From ``events.jsonl``. Reads the disk: not on the GUI thread."""
        progress = cls()
        for event in events.replay(file):
            progress.take(event)
        return progress

    def take(self, event: TrainEvent) -> None:
        """Fold one more event in."""
        match event:
            case Hello():
                self._begin_again(event.resumed_from)
            case Phase():
                self.phase = event
            case Step():
                self._drop_what_was_lost()
                self.last_step, self.phase = event, Phase("training")
                self.steps.append(event.step)
                self.losses.append(event.loss)
            case Evaluated():
                self._drop_what_was_lost()
                self.evaluations = [e for e in self.evaluations if e.step != event.step]
                self.evaluations.append(event)
            case Checkpoint():
                self.checkpoint = event.step
            case Notice():
                # A resumed run says the same again.
                self.notices = list(dict.fromkeys([*self.notices, event.text]))
            case Scored():
                self.scored = event
            case Finished():
                self.finished = event
            case Failed():
                self.failed = event

    @property
    def ended(self) -> bool:
        return self.finished is not None or self.failed is not None

    @property
    def eta(self) -> float | None:
        step = self.last_step
        return step.eta if step is not None and self._in_training else None

    @property
    def share(self) -> float | None:
        """How much of the current phase is done, in [0, 1]; None when nobody knows."""
        if self._in_training and self.last_step is not None and self.last_step.of:
            return min(1.0, self.last_step.step / self.last_step.of)
        if self.phase is not None and self.phase.total:
            return min(1.0, self.phase.done / self.phase.total)
        return None

    @property
    def sentence(self) -> str:
        """What is going on, in a few words."""
        if self.phase is None:
            return tr("Starting")
        text = phase_text(self.phase.phase)
        if self._in_training and self.last_step is not None:
            return tr(
                "{what}: step {step:,} of {of:,}",
                what=text,
                step=self.last_step.step,
                of=self.last_step.of,
            )
        if self.phase.total:
            return tr(
                "{what}: {done:,} of {total:,}",
                what=text,
                done=self.phase.done,
                total=self.phase.total,
            )
        return text

    @property
    def _in_training(self) -> bool:
        return self.phase is not None and self.phase.phase == "training"

    def _begin_again(self, step: int) -> None:
        """A process started at ``step``. It may only score; until it trains, all curves stay."""
        self._goes_on_from = step
        self.last_step = self.scored = self.finished = self.failed = self.phase = None

    def _drop_what_was_lost(self) -> None:
        """Training goes on: what the process before said beyond the checkpoint did not last."""
        step, self._goes_on_from = self._goes_on_from, None
        if step is None:
            return
        keep = sum(1 for s in self.steps if s <= step)
        del self.steps[keep:], self.losses[keep:]
        self.evaluations = [e for e in self.evaluations if step > 0 and e.step <= step]
