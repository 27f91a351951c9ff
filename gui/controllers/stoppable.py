"""An export that can be stopped from the window: between two steps, and while a model answers.

Knows that a model answers in a process of its own; knows no format and no widget.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UserError
from gui.tasks import Gone

if TYPE_CHECKING:
    from core.services.answering import Answerer


class Stoppable:
    """One export. ``stop`` is for the GUI thread, everything else for the one that exports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._model: Answerer | None = None

    def check(self) -> None:
        """Raises Gone once it was stopped: what is half written goes on the way out."""
        if self._stopped:
            raise Gone

    @contextmanager
    def answering(
        self, adapter: Path, *, base: str = "", merged: bool = False
    ) -> Iterator[Answerer]:
        """As `Answerer`, but it ends at once when the export is stopped, with Gone."""
        from core.services.answering import Answerer

        try:
            with self._lock:
                self.check()
                self._model = Answerer(adapter, base=base, merged=merged)
            with self._model as model:
                self.check()
                yield model
        except UserError:
            self.check()  # it was ended by us: that is the reason
            raise
        finally:
            with self._lock:
                self._model = None

    def stop(self) -> None:
        """Whatever it is doing; what was placed whole before stays."""
        with self._lock:
            self._stopped = True
            if self._model is not None:
                self._model.give_up()
