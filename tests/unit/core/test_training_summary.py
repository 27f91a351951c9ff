"""What became of a run is decided by its last process, whatever an earlier one said."""

from __future__ import annotations

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
from core.training.summary import follow

HELLO = Hello(1, 1, "train")
STEP = Step(4, 9, 0.5, 0.1, 0.4, 1e-3, 60.0, 0.5)


def test_a_finished_run_has_its_final_figures() -> None:
    told = follow(
        [
            HELLO,
            STEP,
            Evaluated(4, 0.4, 0.9, 0.5, 3, {}, {}),
            Checkpoint(4, "checkpoints/step-4", best=True),
            Scored(9, {"lesion_dice": 0.8}),
            Finished("adapter", stopped=False),
        ]
    )
    assert told.state is RunState.FINISHED
    assert told.figures == {"loss": 0.5, "lesion_dice": 0.8, "accuracy": 0.5}
    assert (told.steps, told.checkpoint, told.scored) == (4, "checkpoints/step-4", True)


def test_one_stopped_by_a_person_says_so() -> None:
    assert follow([HELLO, Finished("adapter", stopped=True)]).state is RunState.STOPPED


def test_one_stopped_before_it_learnt_anything_can_be_begun_again() -> None:
    assert follow([HELLO, Stopped()]).state is RunState.INTERRUPTED


def test_without_a_last_word_it_was_interrupted() -> None:
    assert follow([]).state is RunState.INTERRUPTED
    assert follow([HELLO, STEP]).state is RunState.INTERRUPTED


def test_a_new_process_takes_the_old_last_word_back() -> None:
    again = follow([HELLO, Failed("refused", "Too few."), HELLO, STEP])
    assert (again.state, again.failure) == (RunState.INTERRUPTED, "")
    scored = follow([HELLO, Scored(9, {}), Finished("adapter", stopped=False), HELLO])
    assert not scored.scored, "its scores are being written again"


def test_what_was_not_measured_takes_no_figure_away() -> None:
    told = follow(
        [Evaluated(1, 0.4, None, 0.5, 3, {}, {}), Evaluated(2, None, None, None, 0, {}, {})]
    )
    assert told.figures == {"lesion_dice": 0.4, "accuracy": 0.5}


def test_a_listener_hears_each_event_in_turn() -> None:
    heard: list[TrainEvent] = []
    follow([HELLO, STEP], heard.append)
    assert heard == [HELLO, STEP]
