"""A training that is asked to stop says its last word and is gone, also where nobody can ask it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.training.events import replay
from core.workers import launch
from core.workers.client import WorkerClient
from core.workers.outcome import Ending

# The worker itself, with another job in the place of the recipe.
WORKER = """
import atexit, sys, time
from core.training import events
from core.workers import train

def job(run, report, stop, promptly, place):
    if {heard}:
        stop()
    report(events.Phase("loading"))
    while not {heard} or not stop():
        time.sleep(0.01)
    report(events.Notice("heard"))
    report(events.Finished("adapter", stopped=True))

atexit.register(sys.stderr.write, "torn down")
train._work = job
train.leave(train.main(sys.argv[1:]))
"""


def worker(monkeypatch: pytest.MonkeyPatch, folder: Path, *, heard: bool) -> WorkerClient:
    """One whose job asks for the word, or never does."""
    text = WORKER.replace("{heard}", str(heard))
    command = [sys.executable, "-c", text, str(folder)]
    monkeypatch.setattr(launch, "command", lambda *_: command)
    return WorkerClient("train", log=folder / "log")


@pytest.mark.parametrize("adapter", [False, True])
def test_what_is_still_loading_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapter: bool
) -> None:
    if adapter:
        (tmp_path / "adapter").mkdir()
    with worker(monkeypatch, tmp_path, heard=False) as loading:
        loading.wait_for("phase")
        loading.send("stop")
        names = [e["event"] for e in loading.events(30)]
        outcome = loading.outcome()
    assert names == ["finished" if adapter else "stopped"]
    assert outcome.ending is (Ending.FINISHED if adapter else Ending.STOPPED)
    assert outcome.code == 0
    told = (tmp_path / "events.jsonl").read_text().splitlines()
    assert f'"{names[0]}"' in told[-1]


def test_a_run_that_asks_ends_by_itself_and_tears_nothing_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker(monkeypatch, tmp_path, heard=True) as running:
        running.wait_for("phase")
        running.send("stop")
        names = [e["event"] for e in running.events(30)]
        outcome = running.outcome()
    assert names == ["notice", "finished"]
    assert outcome.ok
    assert "torn down" not in (tmp_path / "log").read_text()


def test_after_a_line_that_was_cut_off_every_word_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"event": "notice", "text": "cut o')
    with worker(monkeypatch, tmp_path, heard=True) as running:
        running.wait_for("phase")
        running.send("stop")
        assert running.outcome().ok
    told = [event.name for event in replay(tmp_path / "events.jsonl")]
    assert told == ["hello", "phase", "notice", "finished"]
