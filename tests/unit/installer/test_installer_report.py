"""Progress reads well on a terminal and in a log file."""

from __future__ import annotations

import io

import pytest

from installer.report import Progress, duration, size


@pytest.mark.parametrize(
    ("count", "text"), [(0, "1 MB"), (5.4e6, "5 MB"), (539.3e6, "539 MB"), (2.94e9, "2.9 GB")]
)
def test_sizes_are_given_as_download_pages_do(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (187, "3 min 07 s")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_log_file_a_line_comes_now_and_then() -> None:
    now = [0.0]
    log = io.StringIO()
    progress = Progress(log, steps=2, clock=lambda: now[0])
    progress.step("Fetching")
    for second in range(40):
        now[0] = float(second)
        progress.move("torch")
    assert log.getvalue().splitlines() == [
        "[1/2] Fetching", "      torch (15 s)", "      torch (30 s)",
    ]  # fmt: skip


def test_on_a_terminal_one_line_moves_and_leaves_no_rest() -> None:
    screen = Terminal()
    progress = Progress(screen, steps=1, clock=lambda: 0.0)
    progress.move("a long text about torch")
    progress.move("short")
    progress.say("done")
    last = screen.getvalue().split("\r")
    assert last[-1] == "done\n"
    assert len(last[2]) == len(last[1])
