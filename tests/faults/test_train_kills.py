"""A run that is killed goes on from its last committed step, and ends as if nothing had been."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.training.config import TrainConfig
from tests.drawn_run import SETTINGS, drawn_run, small
from tests.faults.train_killing import Tally, TrainKiller

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL after a fork")


def killed(folder: Path, trials: int, settings: TrainConfig = SETTINGS) -> Tally:
    with TrainKiller(drawn_run(folder / "run", settings=settings)) as killer:
        for _ in range(trials):
            killer.trial()
        killer.finish()
    return killer.tally


def test_a_handful_of_kills_loses_no_committed_step(tmp_path: Path, small_gemma: Path) -> None:
    found = killed(tmp_path, 6, small(small_gemma))
    assert found.failures == []
    assert found.inside_save, "no kill hit a save: the test tests half of what it should"
    assert found.finished


@pytest.mark.slow
def test_a_hundred_kills_in_steps_and_saves_end_bit_for_bit_alike(tmp_path: Path) -> None:
    found = killed(tmp_path, 100)
    assert found.failures == []
    assert found.inside_save >= 30
    assert found.finished >= 5
