"""Between a first answer and a better one: what is to be done with the better one waits for it.

Knows nothing of what is proposed.
"""

from __future__ import annotations

from collections.abc import Callable


class Settling:
    """``under_way`` says that what is proposed is a first answer, and better is on its way."""

    def __init__(self) -> None:
        self.under_way = False
        self._then: Callable[[], None] | None = None

    def when_over(self, call: Callable[[], None]) -> None:
        """Do this with the better proposals, a moment from now; with those that are there as soon
        as the person goes on to something else."""
        if self.under_way:
            self._then = call
        else:
            call()

    def over(self) -> None:
        """What is proposed stands."""
        then, self._then = self._then, None
        self.under_way = False
        if then is not None:
            then()
