"""What the person reads while they wait: numbered steps, sizes, elapsed time, one-sentence ends.

Knows a terminal from a log file; knows nothing of what the steps do. Words are ASCII, so that the
oldest Windows console can show them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

QUIET_SECONDS = 15.0
"""In a log file, at most one progress line in this many seconds."""


class Refusal(Exception):
    """The command cannot be carried out; ``str`` is the sentence to show, the exit code is 2."""


def size(count: float) -> str:
    """``count`` bytes in decimal units, as download pages give them: ``512 MB``, ``2.9 GB``."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{max(1, round(count / 1e6))} MB"


def duration(seconds: float) -> str:
    """``42 s`` or ``3 min 07 s``."""
    whole = int(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


class Progress:
    """Prints steps and, within one, a line that moves (in a log: a line now and then)."""

    def __init__(
        self, stream: TextIO, *, steps: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._steps = steps
        self._clock = clock
        self._start = clock()
        self._number = 0
        self._last = self._start
        self._moving = 0
        self._terminal = stream.isatty()

    @property
    def elapsed(self) -> float:
        """Seconds since the first step."""
        return self._clock() - self._start

    def step(self, text: str) -> None:
        """The next of the announced steps begins."""
        self._number += 1
        self._last = self._clock()
        self.say(f"[{self._number}/{self._steps}] {text}")

    def say(self, text: str) -> None:
        """One line that stays."""
        self._erase()
        print(text, file=self._stream, flush=True)

    def move(self, text: str) -> None:
        """Where the step is just now; ``text`` replaces what was said before."""
        line = f"      {text} ({duration(self.elapsed)})"
        if self._terminal:
            shown = line[:100]
            self._stream.write("\r" + shown.ljust(self._moving))
            self._stream.flush()
            self._moving = len(shown)
        elif self._clock() - self._last >= QUIET_SECONDS:
            self._last = self._clock()
            print(line, file=self._stream, flush=True)

    def _erase(self) -> None:
        if self._moving:
            self._stream.write("\r" + " " * self._moving + "\r")
            self._moving = 0
