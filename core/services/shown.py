"""The photo that is shown: answered at once from the looks that are there, and looked at more
closely in the moments when nobody waits.

Knows what the person does (asks, rests the pointer, moves the view) and which look that calls for;
knows no engine and no process.
"""

from __future__ import annotations

from core.domain.mask import Box
from core.engines.base import Candidate, Prompt
from core.services.sight import Sight
from core.services.unhurried import Reason, Unhurried

PRESENT = (Reason.ANSWER, Reason.POINTER, Reason.VIEW)
"""Reasons that are about the photo that is shown."""


class Shown:
    """One photo; ``unhurried`` outlives it."""

    def __init__(self, sight: Sight, unhurried: Unhurried) -> None:
        self._sight, self._unhurried = sight, unhurried
        self._pointer: tuple[tuple[float, float], Box | None] | None = None
        self._view: Box | None = None
        for reason in PRESENT:
            self._want(reason, None)

    def predict(self, prompt: Prompt, view: Box | None, *, early: bool) -> list[Candidate]:
        """As ``Sight.predict``, or where it may be ``early`` as ``Sight.at_once``."""
        self._pointer = None
        self._want(Reason.POINTER, None)
        ask = self._sight.at_once if early else self._sight.predict
        try:
            return ask(prompt, view)
        finally:
            self._want(Reason.ANSWER, self._sight.lacks)

    def look_at(self, view: Box) -> None:
        """The person has zoomed in on this part of the photo and may soon click there."""
        self._view = view
        self._want(Reason.VIEW, self._sight.for_view(view))

    def rest_on(self, place: tuple[float, float], view: Box | None = None) -> None:
        """The pointer rests at ``place`` (x, y), in the photo's pixels: a lesion there may be
        clicked on soon. Not to be called while a region is being outlined."""
        self._pointer = (place, view)
        self._want(Reason.POINTER, self._sight.for_pointer(place, view))

    @property
    def lacking(self) -> bool:
        """Whether the last early answer waits for a look that would show more."""
        return self._unhurried.wants(Reason.ANSWER)

    @property
    def busy(self) -> bool:
        """Whether ``step`` has something to do."""
        return self._unhurried.urgent in PRESENT

    def step(self) -> None:
        """A few milliseconds of work on what is most urgent. Raises what the engine stumbles
        over; that look is given up then."""
        made = self._unhurried.step()
        if made is not None and made.window is not None:
            self._sight.keep(made.window)
            if self._view is not None and not self._unhurried.wants(Reason.VIEW):
                wanted = self._sight.for_view(self._view)  # what is there was made ready first
                if wanted != made.window:
                    self._want(Reason.VIEW, wanted)
            if self._pointer is not None:
                self.rest_on(*self._pointer)  # in that window a click may need a nearer one

    def _want(self, reason: Reason, window: Box | None) -> None:
        self._unhurried.want(reason, self._sight.wish(window) if window else None)
