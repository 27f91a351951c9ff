"""However a worker ends, the person reads one true sentence."""

from __future__ import annotations

import pytest

from core.workers.outcome import Ending, Outcome

HELLO = {"event": "hello"}


@pytest.mark.parametrize(
    ("code", "crashed", "last", "ending", "ok"),
    [
        (0, False, {"event": "finished"}, Ending.FINISHED, True),
        # Libraries do stumble while the interpreter goes down; the work is complete all the same.
        (11, True, {"event": "finished"}, Ending.FINISHED, True),
        (0, False, {"event": "stopped"}, Ending.STOPPED, True),
        (1, False, {"event": "failed", "text": "No leaves."}, Ending.FAILED, False),
        (9, True, HELLO, Ending.CRASHED, False),
        (1, False, HELLO, Ending.CRASHED, False),
        (0, False, {"event": "step"}, Ending.SILENT, False),
        (1, False, None, Ending.NOT_STARTED, False),
        (None, False, None, Ending.NOT_STARTED, False),
        (11, True, None, Ending.CRASHED, False),
    ],
)
def test_the_last_event_and_the_exit_status_decide_together(code, crashed, last, ending, ok):
    outcome = Outcome("train", code, crashed, last)
    assert (outcome.ending, outcome.ok) == (ending, ok)
    sentence = outcome.sentence()
    assert sentence[0].isupper()
    assert sentence.endswith(".")


def test_a_failure_speaks_for_itself():
    last = {"event": "failed", "text": "All photos have the same disease; add another."}
    assert Outcome("train", 1, last=last).sentence() == last["text"]


def test_a_killed_worker_hints_at_memory():
    outcome = Outcome.of_returncode("segment", -9, last=HELLO)
    assert outcome.crashed
    assert "memory" in outcome.sentence()
    assert "outlining assistant" in outcome.sentence()


@pytest.mark.parametrize("code", [-9, -11, 1, 0])
def test_how_a_dead_worker_comes_back_is_said_by_whoever_starts_it(code):
    outcome = Outcome.of_returncode("segment", code, last=HELLO)
    assert outcome.sentence().lower().endswith("start it again.")
    said = outcome.sentence("the next click starts it again")
    assert said.lower().endswith("the next click starts it again.")


def test_a_crash_names_its_signal():
    assert "SIGSEGV" in Outcome.of_returncode("train", -11, last=HELLO).sentence()


def test_an_error_shows_the_last_line_of_the_log():
    outcome = Outcome("train", 1, last=HELLO, detail="OSError: disk on fire")
    assert "disk on fire" in outcome.sentence()
