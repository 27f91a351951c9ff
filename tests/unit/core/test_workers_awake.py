"""An idle computer stays awake while a model is trained, and no longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.workers import awake


def test_each_system_has_a_helper_that_ends_with_the_worker() -> None:
    assert awake.helper("darwin", 42) == ["caffeinate", "-i", "-w", "42"]
    assert awake.helper("linux", 42)[-1] == "cat", "it reads a pipe that the worker holds"
    assert "--what=idle" in awake.helper("linux", 42), "who closes the lid wants it to sleep"
    assert awake.helper("haiku", 42) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is asked without a helper")
def test_the_helper_is_gone_afterwards_also_when_the_work_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def noted(*args: object, **kwargs: object) -> object:
        started.append(real(*args, **kwargs))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(awake.subprocess, "Popen", noted)
    monkeypatch.setattr(awake, "helper", lambda *_a: ["cat"])

    def work() -> None:
        with awake.held():
            assert started[0].poll() is None
            raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"):
        work()
    assert started[0].poll() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is asked without a helper")
def test_a_system_without_the_helper_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "helper", lambda *_a: ["no-such-program"])
    entered = False
    with awake.held():
        entered = True
    assert entered
