"""Looks that somebody will want, made in short steps, the most urgent first.

A click is answered between two steps, so that no look delays it by more than one; what it
interrupted goes on afterwards. Knows reasons and keys; knows neither prompt nor process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from core.embeddings.key import EmbeddingKey
from core.services.looks import Looks

BEGUN = 2
"""Looks that may lie half made: each holds the engine's work in memory."""


class Reason(IntEnum):
    """Why a look is wanted, the most urgent first: an answer that was given is to get better, the
    pointer rests there, it is on the screen, it is of the next photo."""

    ANSWER = 0
    POINTER = 1
    VIEW = 2
    NEXT = 3


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """``pixels`` gives the [h, w, 3] uint8 that ``key`` is kept for, when its turn comes."""

    key: EmbeddingKey
    pixels: Callable[[], NDArray[np.uint8]]


class Unhurried:
    """At most one wish for each reason. Used from one thread."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._wishes: dict[Reason, Wish] = {}
        self._begun: dict[EmbeddingKey, Iterator[None]] = {}

    def want(self, reason: Reason, wish: Wish | None) -> None:
        """In the place of what was wanted for this reason before; None for nothing any more."""
        if wish is None:
            self._wishes.pop(reason, None)
        else:
            self._wishes[reason] = wish

    def wants(self, reason: Reason) -> bool:
        """Whether a look is still to be made for it, or, of what is on the screen, to be made
        ready: somebody is about to click there."""
        wish = self._wishes.get(reason)
        done = self._looks.ready if reason is Reason.VIEW else self._looks.there
        if wish is not None and done(wish.key):
            del self._wishes[reason]
            wish = None
        return wish is not None

    @property
    def urgent(self) -> Reason | None:
        """The first of the reasons for which something is to be made."""
        return next((reason for reason in Reason if self.wants(reason)), None)

    def step(self) -> EmbeddingKey | None:
        """One short step for the most urgent wish; its key when it came true. Raises what its
        pixels or the engine raise, and forgets the wish then."""
        reason = self.urgent
        if reason is None:
            return None
        wish = self._wishes[reason]
        steps = self._begun.pop(wish.key, None)
        try:
            if steps is None:
                steps = self._looks.making(wish.key, wish.pixels())
            next(steps)
        except StopIteration:
            self._wishes.pop(reason)
            return wish.key
        except BaseException:
            self._wishes.pop(reason)
            raise
        self._begun[wish.key] = steps
        for key in list(self._begun)[:-BEGUN]:
            del self._begun[key]
        return None
