"""Which photos are listed and selected in the gallery, for workspaces that have none of their own.

Knows ids; knows no list and no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum

from core.domain.ids import ImageId
from gui.context import Context
from gui.controllers.shared import Shared


class Choice(Enum):
    """Which photos something is about."""

    ALL = "all"
    LISTED = "listed"
    SELECTED = "selected"


def _none() -> Collection[ImageId]:
    return ()


class PhotoChoice(Shared):
    """Asked when it is needed, not told of every change: a selection may be a hundred thousand."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sources: dict[Choice, Callable[[], Collection[ImageId]]] = {}

    def listen(
        self,
        listed: Callable[[], Collection[ImageId]],
        selected: Callable[[], Collection[ImageId]],
    ) -> None:
        """``listed`` gives the photos that search and filters leave, ``selected`` those chosen
        among them; nothing where no choice was made."""
        self._sources = {Choice.LISTED: listed, Choice.SELECTED: selected}

    def count(self, choice: Choice) -> int:
        """How many photos those are, 0 for all of them."""
        return len(self._sources.get(choice, _none)())

    def images(self, choice: Choice) -> frozenset[ImageId] | None:
        """The photos; None for all of them."""
        return None if choice is Choice.ALL else frozenset(self._sources.get(choice, _none)())
