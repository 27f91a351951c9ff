"""Where a model computes: on the graphics card when there is one, else on the processor.

A card that runs out of memory or fails in the middle of something is given up: the model is read
afresh (what lies on a failed card cannot be fetched) and the same work is done on the processor.
Knows devices; knows no model. torch is imported when a model is loaded.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from core.language import tr

T = TypeVar("T")

CPU = "cpu"
FULL = tr(
    "The graphics card has too little free memory for this assistant; it goes on with the "
    "processor, more slowly."
)
FAILED = tr(
    "The graphics card failed; the assistant goes on with the processor, more slowly. The log has "
    "the details."
)


def best_device() -> str:
    """ "cuda" or "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else CPU


class Home:
    """A model and its device. ``load`` reads the model onto the processor, again if need be."""

    def __init__(self, load: Callable[[], Any], device: str | None = None) -> None:
        self._load = load
        self._notice = ""
        self.device = CPU
        self.model = load()
        wanted = device or best_device()
        if wanted != CPU:
            self._move(wanted)

    def run(self, work: Callable[[Any, str], T]) -> T:
        """``work(model, device)``; done once more on the processor when the card gives up."""
        try:
            return work(self.model, self.device)
        except RuntimeError as error:  # which every failure of a card is
            if self.device == CPU:
                raise
            self._come_home(error)
        return work(self.model, self.device)

    def take_notice(self) -> str:
        """What the person should know, said once; "" when there is nothing."""
        notice, self._notice = self._notice, ""
        return notice

    def _move(self, device: str) -> None:
        try:
            self.model = self.model.to(device)
            self.device = device
        except RuntimeError as error:
            self._come_home(error)

    def _come_home(self, error: RuntimeError) -> None:
        import torch

        sys.stderr.write(f"the graphics card gave up: {error}\n")
        self._notice = FULL if isinstance(error, torch.OutOfMemoryError) else FAILED
        self.device = CPU
        self.model = None  # two at once may not fit
        gc.collect()
        self.model = self._load()
