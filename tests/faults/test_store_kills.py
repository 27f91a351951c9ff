"""Killed while saving: what was acknowledged is there, and the project opens without a question."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.killing import Killer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL after a fork")


def test_forty_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    with Killer(tmp_path) as killer:
        for _ in range(40):
            killer.trial()
    assert killer.tally.failures == []
    assert killer.tally.acknowledged > 40, "no writer got as far as saving: the test tests nothing"
