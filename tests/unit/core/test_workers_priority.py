"""Training takes what the person's other programs leave of the processor."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from core.workers import launch
from core.workers.priority import BELOW_NORMAL, SPINS, STEPS, give_way

# The worker itself, with another job in the place of the recipe.
WORKER = """
import os, sys, threading
from core.workers import train

def job(_run, _report, _stop, promptly, _place):
    def tell(): sys.stderr.write(f"nice {os.getpriority(os.PRIO_PROCESS, 0)}\\n")
    tell()
    thread = threading.Thread(target=tell); thread.start(); thread.join()
    promptly(tell)

train._work = job
sys.exit(train.main(sys.argv[1:]))
"""


GIVES_WAY = """
import os, sys
from core.workers.priority import give_way
give_way()
sys.stdout.write(os.environ.get("GOMP_SPINCOUNT", "nothing"))
"""


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({}, SPINS),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, "nothing"),
    ],
)
def test_its_threads_wait_asleep_unless_the_person_says_how(own: dict[str, str], said: str) -> None:
    around = {k: v for k, v in launch.environment().items() if "OMP" not in k}
    done = subprocess.run(
        [sys.executable, "-c", GIVES_WAY],
        env=around | own,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == said


def test_every_worker_waits_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a photo took five times as long beside a busy program."""
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert launch.environment()["GOMP_SPINCOUNT"] == SPINS
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert launch.environment()["GOMP_SPINCOUNT"] == "7"


@pytest.mark.skipif(sys.platform == "win32", reason="counts POSIX niceness")
def test_a_training_worker_gives_way_but_not_when_somebody_waits(tmp_path: Path) -> None:
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        env=launch.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lowered = min(19, mine + STEPS)
    waited_for = mine if sys.platform.startswith("linux") else lowered
    wanted = [lowered, lowered, waited_for]
    assert done.stderr.splitlines() == [f"nice {n}" for n in wanted]
    assert mine == 19 or lowered > mine


def test_on_windows_it_asks_for_the_class_below_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Mock()
    kernel.GetCurrentProcess.return_value = -1
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", Mock(return_value=kernel), raising=False)
    give_way()
    kernel.SetPriorityClass.assert_called_once_with(-1, BELOW_NORMAL)
    assert BELOW_NORMAL == 0x4000
