"""What became of a run, folded from its events.

Knows events; knows no file, no process and no project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.domain.run import RunState
from core.training.events import (
    Checkpoint,
    Evaluated,
    Failed,
    Finished,
    Hello,
    Scored,
    Step,
    Stopped,
    TrainEvent,
)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """``state`` is INTERRUPTED as long as no last word was said.

    ``figures`` are the final ones by name; ``checkpoint`` is the last committed one, relative to
    the run folder; ``failure`` is the worker's sentence, "" without one.
    """

    state: RunState = RunState.INTERRUPTED
    figures: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0
    checkpoint: str = ""
    scored: bool = False
    failure: str = ""


def follow(
    events: Iterable[TrainEvent], on_event: Callable[[TrainEvent], None] | None = None
) -> RunSummary:
    """Fold events as they come; ``on_event`` sees each first."""
    summary = RunSummary()
    for event in events:
        if on_event:
            on_event(event)
        summary = fold(summary, event)
    return summary


def fold(summary: RunSummary, event: TrainEvent) -> RunSummary:
    """``summary`` with one more event in it. A new Hello takes the last word back."""
    figures = dict(summary.figures)
    match event:
        case Hello():
            return replace(summary, state=RunState.INTERRUPTED, scored=False, failure="")
        case Step():
            return replace(summary, steps=event.step, figures=figures | {"loss": event.loss})
        case Evaluated():
            seen = {"lesion_dice": event.dice, "accuracy": event.accuracy}
            figures |= {name: value for name, value in seen.items() if value is not None}
            return replace(summary, figures=figures)
        case Checkpoint():
            return replace(summary, checkpoint=event.path)
        case Scored():
            return replace(summary, scored=True, figures=figures | event.summary)
        case Finished():
            state = RunState.STOPPED if event.stopped else RunState.FINISHED
            return replace(summary, state=state)
        case Stopped():
            return replace(summary, state=RunState.INTERRUPTED)
        case Failed():
            return replace(summary, state=RunState.FAILED, failure=event.text)
        case _:
            return summary
