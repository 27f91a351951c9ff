"""Asking a trained model: the resident answer worker as an object.

    with Answerer(adapter) as model:
        answer = model.predict(photo, folder)

Knows the worker's words; knows no torch. The window's twin is its own controller.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from core import files
from core.domain.ids import ImageId
from core.errors import AdapterRefused, ImageUnreadable, WorkerFailed
from core.imaging.probability import read_probability
from core.language import tr
from core.training.run_folder import RunFolder
from core.workers.client import WorkerClient
from core.workers.wire import Message

LOADING = 3600.0
"""Seconds that a large base model on a slow disk may take."""
ANSWERING = 1200.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the model says of one photo. ``probabilities`` sum to 1, highest first.

    ``lesions`` and ``leaf`` are uint8 probabilities on the head's grid, [h, w].
    """

    predicted: str
    probabilities: tuple[tuple[str, float], ...]
    lesions: NDArray[np.uint8]
    leaf: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Verified:
    """A reloaded adapter against its run's scores: share of equal classes, largest Dice change."""

    agreement: float
    dice_change: float


class CardFull(WorkerFailed):
    """The graphics card has too little memory; the computer may have enough."""


class Answerer:
    """One worker with one adapter. Entering raises AdapterRefused with the worker's sentence.

    Entering and ``verify`` raise CardFull where it was the card's memory that ran out.
    """

    def __init__(
        self, adapter: Path, *, base: str = "", merged: bool = False, off_card: bool = False
    ) -> None:
        """``base`` is the base model's folder where it is not one that comes with Leafspot.

        ``merged``: ``adapter`` is a merged model and needs no base. ``off_card`` holds the model in
        the computer's memory, whatever card there is.
        """
        self.classes: tuple[str, ...] = ()
        self._tokens = itertools.count(1)
        options = ["--merged"] if merged else ["--base", base] if base else []
        options += ["--off-card"] if off_card else []
        self._worker = WorkerClient("answer", str(adapter), *options)

    def __enter__(self) -> Answerer:
        with self._worker.started():
            ready = self._wait(LOADING, "ready", "failed")
            _insist_on_room(ready)
            if ready.get("event") == "failed":
                raise AdapterRefused(str(ready.get("text")))
            self.classes = tuple(str(name) for name in ready.get("classes", ()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._worker.stop(10.0 if kind is None else 0.0)

    def give_up(self) -> None:
        """End it at once, from any thread: who waits for an answer gets an error."""
        self._worker.stop(0.0)

    def predict(self, photo: Path, folder: Path) -> Answer:
        """Raises ImageUnreadable with the worker's sentence, WorkerFailed when it died.

        ``folder`` is an empty one of ours for the masks.
        """
        token = next(self._tokens)
        self._worker.send("predict", token=token, path=str(files.real(photo)), out=str(folder))
        event = self._wait(ANSWERING, "answer", "refused")
        while event.get("token") != token:  # left over from a question that was given up
            event = self._wait(ANSWERING, "answer", "refused")
        if event.get("event") == "refused":
            raise ImageUnreadable(str(event.get("text")))
        try:
            return _answer(event, folder)
        except (KeyError, TypeError, ValueError) as error:
            raise WorkerFailed(
                tr("The prediction process gave an answer without sense.")
            ) from error

    def verify(self, run: RunFolder, images: Sequence[ImageId]) -> Verified:
        """Score some photos of the run again with the loaded adapter."""
        self._worker.send("verify", run=str(run.root), images=list(images))
        event = self._wait(LOADING, "verified", "refused")
        _insist_on_room(event)
        if event.get("event") == "refused":
            raise WorkerFailed(str(event.get("text")))
        return Verified(float(event["agreement"]), float(event["dice_change"]))

    def merge(self, out: Path) -> None:
        """Write adapter and base as one model into the empty folder ``out``."""
        self._worker.send("merge", out=str(files.real(out)))
        event = self._wait(LOADING, "merged", "refused")
        if event.get("event") == "refused":
            raise WorkerFailed(str(event.get("text")))

    def _wait(self, timeout: float, *names: str) -> Message:
        try:
            return self._worker.wait_for(*names, timeout=timeout)
        except TimeoutError as error:
            raise WorkerFailed(
                tr(
                    "The prediction process has not answered for a long time; close other programs "
                    "and try again."
                )
            ) from error


def _insist_on_room(event: Message) -> None:
    if event.get("card_full"):
        raise CardFull(str(event.get("text")))


def _answer(event: Message, folder: Path) -> Answer:
    pairs = tuple((str(name), float(share)) for name, share in event["probabilities"])
    return Answer(
        predicted=str(event["predicted"]),
        probabilities=pairs,
        lesions=read_probability(_inside(folder, str(event["lesions"]))),
        leaf=read_probability(_inside(folder, str(event["leaf"]))),
    )


def _inside(folder: Path, name: str) -> Path:
    path = files.real(folder / name)
    if not path.is_relative_to(files.real(folder)):
        raise ValueError(tr("a mask outside its folder"))
    return path
