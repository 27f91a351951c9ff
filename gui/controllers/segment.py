"""The assistant: prompts go to the resident segment worker, proposals come back.

Keeps the prompts of the region being outlined and the proposals for them; restarts the worker when
it has gone. Knows the wire's words for segmenting; knows no canvas and no session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.domain.ids import RegionId
from core.domain.mask import Box
from core.domain.region import RegionKind
from core.engines.base import Before, Candidate
from core.language import tr
from core.workers.mask_crop import decode_mask, encode_mask
from core.workers.outcome import Outcome
from gui.context import Context
from gui.controllers.engine_choice import EngineChoice
from gui.controllers.photos import Photo
from gui.controllers.settling import Settling
from gui.controllers.wording import proposed_line
from gui.notices import Level, Notice, Standing
from gui.worker_process import WorkerProcess

NEEDS_FILE = tr("This assistant needs a weights file: open yours, or fetch one that is published.")


@dataclass
class Prompts:
    """What the person has pointed at so far; photo pixels."""

    points: list[tuple[float, float]] = field(default_factory=list)
    positive: list[bool] = field(default_factory=list)
    box: Box | None = None
    region: RegionId | None = None
    before: Before | None = None
    """What the clicks are to better: a region and its pixels, when they began."""

    def __bool__(self) -> bool:
        return bool(self.points) or self.box is not None

    @property
    def usable(self) -> bool:
        return any(self.positive) or self.box is not None or self.before is not None


class Assistant(QObject):
    """``changed`` fires when prompts, proposal or ``status`` are others.

    ``is_awake`` says that the worker has its engine, ``busy`` that an answer is awaited,
    ``settling`` whether the proposals are a first answer and better ones are on their way;
    ``problem`` is "" or a sentence. ``awake`` fires when the worker has its engine, before it hears
    of a photo; ``heard`` carries its other events.
    ``view`` gives the part of the photo that is on the screen, ``kind`` what is being outlined.
    ``choice`` is the person's, where none is given.
    """

    changed = Signal()
    awake = Signal()
    heard = Signal(object)

    def __init__(
        self, context: Context, parent: QObject, choice: EngineChoice | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._worker: WorkerProcess | None = None
        self._photo: Photo | None = None
        self._sent_photo: Photo | None = None
        self.is_awake = False
        self._request = 0
        self._candidates: list[Candidate] = []
        self._chosen = 0
        self.choice = choice or EngineChoice(context.preferences)
        self.prompts = Prompts()
        self.busy = False
        self.settling = Settling()
        self.problem = ""
        self._told = Standing(context.notices)
        self.view: Callable[[], Box | None] = lambda: None
        self.kind: Callable[[], RegionKind] = lambda: RegionKind.LESION

    # -- what the panels read

    @property
    def sleeps(self) -> bool:
        """Whether there is no worker: what was asked of one is not answered any more."""
        return self._worker is None

    @property
    def candidate(self) -> Candidate | None:
        return self._candidates[self._chosen] if self._candidates else None

    @property
    def status(self) -> str:
        """One line for the panel."""
        if self.problem:
            return self.problem
        if self.choice.lacks_file:
            return NEEDS_FILE
        if self._worker is None:
            return tr("Sleeping; wakes with the first click.")
        if not self.is_awake:
            return tr("Waking up…")
        if self.busy:
            return tr("Looking…")
        if count := len(self._candidates):
            return proposed_line(self._chosen + 1, count, better=bool(self.prompts.before))
        if self.prompts and not self.prompts.usable:
            return tr("Click the lesion itself as well.")
        return tr("Ready for a click or a box.")

    # -- what the person does

    def choose(self, engine: str, checkpoint: str = "") -> None:
        """Another engine, or another weights file. Takes effect at once; when it turns out that
        it cannot be loaded, the one before is taken again."""
        self.choice.change(engine, checkpoint)
        self.problem = ""
        self.clear()
        # Loaded with the next click, in a process of its own: nothing of the engine before stays
        # in memory.
        self._let_go()
        self.changed.emit()

    def set_photo(self, photo: Photo | None) -> None:
        """The photo that prompts are about. A worker that is awake begins to look at it."""
        if photo is self._photo:
            return
        same = photo is not None and self._photo and photo.image.id == self._photo.image.id
        self._photo = photo
        if not same:
            self.clear()
            if self.is_awake:
                self._send_photo()

    def wake(self) -> None:
        """Have the worker ready before the first click."""
        if self.choice.lacks_file:
            self._fail(NEEDS_FILE)
            return
        if self.choice.spec is None or self._worker is not None:
            return
        self.problem = ""
        worker = self._worker = self._context.workers.start("segment", resident=True)
        # What a worker says after it was let go is about another engine.
        worker.received.connect(lambda e: self._received(e) if worker is self._worker else None)
        worker.exited.connect(lambda o: self._exited(o) if worker is self._worker else None)
        worker.send("load", engine=self.choice.engine, checkpoint=self.choice.checkpoint or None)
        self.changed.emit()

    def point(self, x: float, y: float, *, positive: bool) -> None:
        self.settling.over()
        self.prompts.points.append((x, y))
        self.prompts.positive.append(positive)
        self._predict()

    def box(self, box: Box) -> None:
        """A new box begins anew; points refine it."""
        self.settling.over()
        self.prompts = Prompts(box=box)
        self._predict()

    def step_back(self) -> None:
        """Take the last click back, or the box when no click followed it."""
        prompts = self.prompts
        if not prompts.points:
            self.clear()
            return
        self.settling.over()
        prompts.points.pop()
        prompts.positive.pop()
        if not prompts:
            self.clear()
            return
        if not prompts.usable:  # only what does not belong is left
            self._candidates, self._chosen = [], 0
        self._predict()

    def next_candidate(self, step: int = 1) -> None:
        """Another of the proposals: the next one, or with −1 the one before."""
        if self._candidates:
            self._chosen = (self._chosen + step) % len(self._candidates)
            self.changed.emit()

    def clear(self, *, problem: bool = False) -> None:
        """Forget prompts and proposals, and what was wrong with them where ``problem`` says so.
        An answer under way comes too late."""
        if problem:
            self.problem = ""
        self.settling.over()
        self._request += 1
        self.prompts = Prompts()
        self._candidates, self._chosen = [], 0
        self.busy = False
        self.changed.emit()

    # -- the worker

    def tell(self, do: str, **fields: object) -> None:
        """A command for the worker; nothing where it sleeps."""
        if self.is_awake and self._worker is not None:
            self._worker.send(do, **fields)

    def _predict(self) -> None:
        self.wake()
        if self.choice.lacks_file:
            self._context.notices.info(NEEDS_FILE)  # who clicks looks at the photo
        self._request += 1
        if self.is_awake and self.prompts.usable and self._worker is not None:
            self._send_photo()
            view = self.view()
            self._worker.send(
                "predict",
                request=self._request,
                points=[list(p) for p in self.prompts.points],
                positive=list(self.prompts.positive),
                box=list(self.prompts.box) if self.prompts.box else None,
                view=list(view) if view else None,
                wanted=self.kind(),
                before=_mask_field(self.prompts.before),
                early=True,
            )
        self.busy = self.prompts.usable and not self.problem
        self.changed.emit()

    def _let_go(self) -> None:
        worker, self._worker = self._worker, None
        self.is_awake, self._sent_photo = False, None
        if worker is not None:
            worker.stop()

    def _send_photo(self) -> None:
        if self._worker is None or self._photo is None:
            return
        sent = self._sent_photo
        if sent is None or sent.image.id != self._photo.image.id or sent.path != self._photo.path:
            self._sent_photo = self._photo
            self._worker.send("image", path=str(self._photo.path), sha256=self._photo.image.sha256)

    def _received(self, event: dict[str, Any]) -> None:
        if isinstance(notice := event.get("notice"), str):
            self._context.notices.warning(notice)
        match event.get("event"):
            case "loaded":
                self.is_awake = True
                self._told.over()  # that it had died
                self.awake.emit()
                self._send_photo()
                if self.prompts:
                    self._predict()
                self.changed.emit()
            case "masks" if event.get("request") == self._request:
                self._take(event.get("candidates"), more=event.get("more") is True)
            case "refused" if self.settling.under_way and event.get("request") == self._request:
                self.settling.over()  # there is nothing better
            case "refused" if event.get("request") in (None, self._request):
                sentence = str(event.get("text", tr("The assistant could not do that.")))
                if event.get("do") == "load":
                    self._let_go()  # a worker without an engine is of no use
                    if before := self.choice.refuse():
                        sentence += tr(" Until then, “{before}” goes on.", before=before)
                        self.problem = sentence  # before anybody hears of it
                        self.clear()  # pointed at for the other one
                if event.get("do") == "image":
                    self._sent_photo = None
                self._fail(sentence)
            case _:
                self.heard.emit(event)

    def _take(self, found: object, *, more: bool) -> None:
        try:
            candidates = [
                Candidate(*decode_mask(one), score=float(one["score"]))
                for one in (found if isinstance(found, list) else [])
            ]
        except (ValueError, KeyError, TypeError):
            self._fail(tr("The assistant gave an answer that cannot be read; click again."))
            return
        candidates = [c for c in candidates if c.pixels.any()]
        if self.settling.under_way and not candidates:
            self.settling.over()
            return
        # Who has gone on to the second proposal meanwhile stays with the second.
        stays = self._chosen if self.settling.under_way else 0
        self._chosen = min(stays, max(0, len(candidates) - 1))
        self._candidates = candidates
        self.busy, self.settling.under_way = False, more and bool(candidates)
        self.problem = "" if candidates else tr("Nothing found there; try a box around it.")
        self.changed.emit()
        if not self.settling.under_way:
            self.settling.over()

    def _fail(self, sentence: str) -> None:
        self.problem = sentence
        self.busy = False
        self.changed.emit()

    def _exited(self, outcome: Outcome) -> None:
        asked_for_more = self.busy
        self.settling.over()
        self._let_go()
        self.busy = False
        if not outcome.ok:
            self.problem = outcome.sentence(tr("the next click starts it again"))
            if asked_for_more:
                self._told.tell(Notice(Level.ERROR, self.problem))
        self.changed.emit()


def _mask_field(before: Before | None) -> dict[str, Any] | None:
    return None if before is None else encode_mask(before.pixels, before.origin)
