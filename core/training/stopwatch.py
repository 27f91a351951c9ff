"""How long a run has been training, without the time in which the computer slept.

Some systems let the clock run on while a laptop lies closed, and a process that is held up by a
signal sees such a leap everywhere. Knows clocks; knows no run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

ASLEEP = 20.0
"""A shorter gap is not worth a thought, in seconds."""
IDLE = 0.02
"""A process that used less of the processor than this share of a gap was not running."""


class Stopwatch:
    """``spent`` seconds are on it at the start; ``read`` adds what has passed since the last."""

    def __init__(
        self,
        spent: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = time.process_time,
    ) -> None:
        self._spent, self._slept = spent, 0.0
        self._clock, self._work = clock, work
        self._last = (clock(), work())

    def read(self) -> float:
        """Seconds of training so far."""
        now = (self._clock(), self._work())
        gap, worked = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now
        if gap > ASLEEP and worked < IDLE * gap:
            self._slept += gap
        else:
            self._spent += max(0.0, gap)
        return self._spent

    def slept(self) -> float:
        """Seconds left out since this was last asked."""
        slept, self._slept = self._slept, 0.0
        return slept
