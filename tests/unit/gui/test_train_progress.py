"""The story of a run, folded from its events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.training.events import (
    Checkpoint,
    Evaluated,
    Finished,
    Hello,
    Notice,
    Phase,
    Step,
    TrainEvent,
    to_fields,
)
from gui.controllers import wording
from gui.controllers.run_progress import RunProgress


def step(number: int, *, loss: float = 1.0, eta: float = 60.0) -> Step:
    return Step(number, 10, loss, loss / 2, loss / 2, 1e-3, eta, 0.1)


def look(number: int) -> Evaluated:
    return Evaluated(number, 0.5, None, 0.6, 4, {}, {})


def told(*events: TrainEvent) -> RunProgress:
    progress = RunProgress()
    for event in events:
        progress.take(event)
    return progress


def test_a_resumed_run_shows_no_step_that_was_lost() -> None:
    progress = told(
        Hello(1, 1, "train"), look(0), step(1), step(2), look(2), Checkpoint(2, "c", True), step(3),
        look(3), Hello(1, 2, "train", resumed_from=2), step(3, loss=0.5),
    )  # fmt: skip

    assert list(progress.steps) == [1, 2, 3]
    assert progress.losses[-1] == 0.5
    assert [e.step for e in progress.evaluations] == [0, 2]


def test_a_run_that_goes_on_keeps_the_curves_it_had() -> None:
    """On the wire every process greets before the run does, and knows of no step then."""
    progress = told(
        Hello(1, 1, "train"), look(0), step(1), step(2), look(2), Checkpoint(2, "c", True),
        Hello(1, 2, "train"), Hello(1, 2, "train", resumed_from=2), Phase("loading"), step(3),
    )  # fmt: skip

    assert list(progress.steps) == [1, 2, 3]
    assert [e.step for e in progress.evaluations] == [0, 2]


def test_scoring_again_takes_no_curve_away() -> None:
    progress = told(
        Hello(1, 1, "train"), look(0), step(1), look(1), Finished("adapter", stopped=False),
        Hello(1, 2, "train"), Phase("scoring", 4, 4), Finished("adapter", stopped=False),
    )  # fmt: skip

    assert list(progress.steps) == [1]
    assert [e.step for e in progress.evaluations] == [0, 1]


def test_a_run_that_starts_afresh_keeps_nothing() -> None:
    progress = told(Hello(1, 1, "train"), look(0), step(1), Hello(1, 2, "train"), look(0), step(1))

    assert list(progress.steps) == [1]
    assert [e.step for e in progress.evaluations] == [0]


def test_the_time_left_is_told_only_while_it_trains() -> None:
    progress = told(Hello(1, 1, "train"), Phase("training"), step(4, eta=185))
    assert progress.eta == 185
    assert progress.share == pytest.approx(0.4)
    assert progress.sentence == "Training: step 4 of 10"

    progress.take(Phase("scoring", 5, 20))
    assert progress.eta is None
    assert progress.share == pytest.approx(0.25)
    assert "5 of 20" in progress.sentence


def test_a_step_ends_whatever_phase_came_before_it() -> None:
    progress = told(Hello(1, 1, "train"), Phase("encoding photos", 20, 20), look(0), step(3))
    assert progress.sentence == "Training: step 3 of 10"
    assert progress.eta == 60


def test_what_went_on_before_the_window_opened_is_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    events = [Hello(1, 1, "train"), Notice("No GPU."), step(1), Finished("adapter", stopped=True)]
    text = "\n".join(json.dumps(to_fields(e)) for e in events)
    file.write_text(text + '\n{"event": "step", "st')

    progress = RunProgress.replayed(file)

    assert progress.ended
    assert progress.notices == ["No GPU."]
    assert list(progress.steps) == [1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (10, "less than a minute"),
        (70, "about a minute"),
        (14.4 * 60, "about 14 minutes"),
        (3600, "about an hour"),
        (2 * 3600 + 610, "about 2 hours and 10 minutes"),
    ],
)
def test_spans_are_said_in_words(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words
