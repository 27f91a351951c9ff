"""A worker's log that cannot be written costs the log, and neither events nor the worker's end."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from core.workers import launch
from core.workers.client import WorkerClient
from core.workers.log import WorkerLog
from tests.faults.full_disk import no_file_beyond


@pytest.fixture
def talker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[str]]:
    """Runs a worker that writes more to its log than a pipe holds; the events it sent."""
    script = tmp_path / "worker.py"
    script.write_text(
        textwrap.dedent("""
            import json, sys
            sys.stderr.write(("x" * 79 + "\\n") * 20_000)
            print(json.dumps({"event": "finished"}), flush=True)
        """),
        "utf-8",
    )
    monkeypatch.setattr(launch, "command", lambda *_args: [sys.executable, str(script)])

    def run(log: Path) -> list[str]:
        with WorkerClient("train", log=log) as worker:
            return [event["event"] for event in worker.events(timeout=60)]

    return run


def test_a_log_that_cannot_be_opened_holds_nothing_up(tmp_path: Path, talker) -> None:
    (tmp_path / "file").write_text("in the way")
    assert talker(tmp_path / "file" / "worker.log") == ["finished"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes by RLIMIT_FSIZE")
def test_a_log_on_a_full_disk_holds_nothing_up(tmp_path: Path, talker) -> None:
    with no_file_beyond(1000):
        assert talker(tmp_path / "worker.log") == ["finished"]
    assert (tmp_path / "worker.log").stat().st_size == 1000


def test_lines_after_the_disk_was_full_are_written_again(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path / "deep" / "worker.log")
    log.write(b"one\n")
    if sys.platform != "win32":
        with no_file_beyond(4):
            log.write(b"lost\n")
    log.write(b"two\n")
    log.close()
    assert (tmp_path / "deep" / "worker.log").read_bytes() == b"one\ntwo\n"
