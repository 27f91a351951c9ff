"""What worker processes promise the window: every event, one end, never a hang or an orphan."""

from __future__ import annotations

import sys
import textwrap
import time
import weakref
from pathlib import Path

import pytest
import shiboken6

from core.workers import launch
from core.workers.outcome import Ending
from gui.worker_process import WorkerProcess, Workers
from tests.faults.full_disk import no_file_beyond


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a few lines of Python in the place of a worker."""

    def use(source: str) -> None:
        path = tmp_path / "worker.py"
        path.write_text("import json, sys, time\n" + textwrap.dedent(source), encoding="utf-8")
        monkeypatch.setattr(launch, "command", lambda *_args: [sys.executable, str(path)])

    return use


def run(qtbot, **named) -> tuple[WorkerProcess, list[dict]]:
    worker, events = WorkerProcess("segment", **named), []
    worker.received.connect(events.append)
    with qtbot.waitSignal(worker.exited, timeout=20_000):
        worker.start()
    return worker, events


def test_every_event_arrives_even_those_just_before_the_end(qtbot, script) -> None:
    script("""
        for n in range(300):
            print(json.dumps({"event": "step", "n": n}))
        print(json.dumps({"event": "finished"}))
    """)
    worker, events = run(qtbot)
    assert [e.get("n") for e in events[:-1]] == list(range(300))
    assert worker.outcome is not None
    assert worker.outcome.ending is Ending.FINISHED


def test_garbage_on_the_wire_costs_nothing_but_itself(qtbot, script) -> None:
    script(r"""
        out = sys.stdout.buffer
        out.write(b"\xff\xfe not json\n" + b"x" * 3_000_000 + b"\n")
        out.write(b'{"event": "step", "loss": NaN}\n{"event": "finished"}\n')
    """)
    worker, events = run(qtbot)
    assert events == [{"event": "finished"}]
    assert "unreadable" in worker.log_tail


def test_a_program_that_is_not_there_ends_with_a_sentence(qtbot, monkeypatch) -> None:
    monkeypatch.setattr(launch, "command", lambda *_a: ["/no/such/program"])
    worker, _ = run(qtbot)
    assert worker.outcome is not None
    assert worker.outcome.ending is Ending.NOT_STARTED
    assert "could not be started" in worker.outcome.sentence()


def test_a_killed_worker_is_told_from_one_that_finished(qtbot, script) -> None:
    script("""
        print(json.dumps({"event": "hello"}), flush=True)
        time.sleep(60)
    """)
    worker = WorkerProcess("segment")
    worker.received.connect(lambda _event: worker.kill())
    with qtbot.waitSignal(worker.exited, timeout=20_000):
        worker.start()
    assert worker.outcome is not None
    assert worker.outcome.ending is Ending.CRASHED


def test_commands_given_before_the_start_are_not_lost(qtbot, script) -> None:
    script("""
        said = json.loads(sys.stdin.readline())
        print(json.dumps({"event": "finished", "said": said}))
    """)
    worker, events = WorkerProcess("segment"), []
    worker.received.connect(events.append)
    worker.send("load", engine="colour")
    with qtbot.waitSignal(worker.exited, timeout=20_000):
        worker.start()
    assert events[-1]["said"] == {"do": "load", "engine": "colour"}


def test_a_command_goes_out_before_the_window_is_painted_and_no_event_comes_in_meanwhile(
    qtbot, script, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    script(f"""
        print(json.dumps({{"event": "hello"}}), flush=True)
        said = sys.stdin.readline()
        print(json.dumps({{"event": "told"}}), flush=True)
        print("also", file=sys.stderr, flush=True)
        open({str(heard)!r}, "w").write(said)
        time.sleep(0.5)
        sys.stdin.readline()
        print(json.dumps({{"event": "finished"}}))
    """)
    worker, events = WorkerProcess("segment"), []
    worker.received.connect(lambda event: events.append(event["event"]))
    with qtbot.waitSignal(worker.received, timeout=20_000):
        worker.start()
    worker.send("predict")
    for _ in range(2000):  # no turn of the event loop: as if the window were painting
        if heard.exists() and heard.read_text():
            break
        time.sleep(0.005)
    assert "predict" in heard.read_text()
    for _ in range(3):  # more than the pipe holds, so that it waits with words to be read
        worker.send("predict", mask="x" * 300_000)
    assert events == ["hello"], "what was said meanwhile comes in its own turn"
    with qtbot.waitSignal(worker.exited, timeout=20_000):
        pass
    assert events == ["hello", "told", "finished"]
    assert "also" in worker.log_tail


def test_a_worker_that_does_not_listen_is_killed_after_the_grace(qtbot, script) -> None:
    script("""
        print(json.dumps({"event": "hello"}), flush=True)
        time.sleep(60)
    """)
    worker = WorkerProcess("segment")
    worker.received.connect(lambda _event: worker.stop(grace_ms=50))
    with qtbot.waitSignal(worker.exited, timeout=20_000):
        worker.start()


def test_a_full_log_pipe_does_not_stop_the_worker_and_lands_in_the_file(
    qtbot, script, tmp_path: Path
) -> None:
    script("""
        sys.stderr.write("y" * 79 + "\\n")
        sys.stderr.write(("x" * 79 + "\\n") * 20_000)
        print(json.dumps({"event": "finished"}))
    """)
    log = tmp_path / "deep" / "stderr.log"
    _, events = run(qtbot, log=log)
    assert events == [{"event": "finished"}]
    assert log.stat().st_size == 80 * 20_001


@pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes by RLIMIT_FSIZE")
def test_a_log_on_a_full_disk_hides_neither_events_nor_the_end(
    qtbot, script, tmp_path: Path
) -> None:
    """Else the window would believe for ever that a run goes on."""
    script("""
        sys.stderr.write("x" * 5000 + "\\n")
        print(json.dumps({"event": "finished"}))
    """)
    with no_file_beyond(100):
        worker, events = run(qtbot, log=tmp_path / "worker.log")
    assert events == [{"event": "finished"}]
    assert worker.outcome is not None
    assert worker.outcome.ending is Ending.FINISHED


def test_residents_give_their_memory_back_before_training(qtbot, script) -> None:
    script("""
        print(json.dumps({"event": "hello"}), flush=True)
        sys.stdin.readline()
    """)
    workers = Workers()
    resident = workers.start("segment", resident=True)
    with qtbot.waitSignal(resident.received, timeout=20_000):
        pass
    gone = []
    workers.release_residents(lambda: gone.append(resident.running))
    qtbot.waitUntil(lambda: bool(gone), timeout=20_000)
    assert gone == [False]
    assert workers.running("segment") == []


def test_closing_the_window_leaves_no_worker_behind(qtbot, script) -> None:
    script("""
        print(json.dumps({"event": "hello"}), flush=True)
        time.sleep(60)
    """)
    workers = Workers()
    worker = workers.start("segment")
    with qtbot.waitSignal(worker.received, timeout=20_000):
        pass
    workers.close(grace_ms=100)
    assert not worker.running


def test_workers_that_nobody_holds_go_at_once_and_their_processes_with_them(qtbot, script) -> None:
    """Held by a process that has ended they would go with it later: a child before its parent."""
    script("""
        print(json.dumps({"event": "hello"}), flush=True)
        time.sleep(60)
    """)
    workers = Workers()
    worker = workers.start("segment")
    with qtbot.waitSignal(worker.received, timeout=20_000):
        pass
    workers.close(grace_ms=100)
    held = weakref.ref(workers)
    del workers
    left = held()  # by this name it stays whole, should the promise be broken
    assert left is None
    assert not shiboken6.isValid(worker)
