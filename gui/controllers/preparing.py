"""The chosen assistant looks at all photos of a project, in a process of its own.

One photo after the other, so that it can be stopped between two; what it has seen stays. Knows the
words of ``core.workers.embed``; knows no widget.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.embeddings.key import EmbeddingKey, maker_of
from core.embeddings.store import FOLDER, EmbeddingStore
from core.engines.base import EngineSpec
from core.errors import UserError
from core.language import tr, trn
from core.workers.outcome import Outcome
from gui.context import Context
from gui.controllers.engine_choice import EngineChoice
from gui.worker_process import WorkerProcess

Wanted = deque[tuple[Path, dict[str, str]]]
GRACE_MS = 500
"""A photo under way is let go after that long: it is looked at again the next time."""


class Preparing(QObject):
    """``progressed`` carries (done, of), ``ended`` (sentence, whether all went well)."""

    progressed = Signal(int, int)
    ended = Signal(str, bool)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._worker: WorkerProcess | None = None
        self._begun = False
        self._left: Wanted = deque()
        self._folder = ""
        self._of = self._made = 0
        self._refused: list[str] = []

    @property
    def running(self) -> bool:
        return self._begun

    def start(self, folder: Path, photos: dict[str, Path]) -> None:
        """``photos`` are paths by SHA-256; those that are prepared already are left out."""
        choice = EngineChoice(self._context.preferences)
        spec = choice.spec
        if spec is None or choice.lacks_file:
            self.ended.emit(tr("The chosen assistant needs a weights file; open one first."), False)
            return
        self._begun = True
        checkpoint = Path(choice.checkpoint) if spec.needs_checkpoint else None
        self._context.tasks.run(
            lambda: _missing(folder / FOLDER, photos, spec, checkpoint),
            on_done=lambda wanted: self._go(wanted, folder, choice),
            on_error=self._failed,
            owner=self,
        )

    def stop(self) -> None:
        """What has been seen stays."""
        if self._begun:
            text = trn(
                "Stopped; {n:,} photo is prepared.",
                "Stopped; {n:,} photos are prepared.",
                self._made,
            )
            self._end(text, well=False)

    def _go(self, wanted: Wanted, folder: Path, choice: EngineChoice) -> None:
        if not self._begun:
            return
        self._left, self._of, self._made, self._refused = wanted, len(wanted), 0, []
        self._folder = str(folder / FOLDER)
        if not wanted:
            self._end(tr("All photos are prepared."), well=True)
            return
        worker = self._worker = self._context.workers.start("embed", resident=True)
        worker.received.connect(lambda e: self._heard(e) if worker is self._worker else None)
        worker.exited.connect(lambda o: self._exited(o) if worker is self._worker else None)
        worker.send("load", engine=choice.engine, checkpoint=choice.checkpoint or None)
        self.progressed.emit(0, self._of)

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, UserError):
            self._context.notices.show(error)
        self._end(str(error), well=False)

    def _heard(self, event: dict[str, Any]) -> None:
        match event:
            case {"event": "loaded", "keeps": True}:
                self._next()
            case {"event": "loaded"}:
                text = tr("This assistant needs no preparation: it looks at a photo in a moment.")
                self._end(text, well=True)
            case {"event": "embedded", "stored": True}:
                self._made += 1
                self._next()
            case {"event": "embedded"}:
                self._end(tr("There is no space left for prepared photos."), well=False)
            case {"event": "refused", "do": "load"}:
                self._end(str(event.get("text")), well=False)
            case {"event": "refused"}:
                self._refused.append(str(event.get("text")))
                self._next()

    def _next(self) -> None:
        self.progressed.emit(self._of - len(self._left), self._of)
        if self._worker is None:
            return
        if not self._left:
            self._end(self._told(), well=not self._refused)
            return
        path, fields = self._left.popleft()
        self._worker.send("embed", path=str(path), fields=fields, folder=self._folder, budget=None)

    def _told(self) -> str:
        made = trn("{n:,} photo prepared.", "{n:,} photos prepared.", self._made)
        if not self._refused:
            return made
        others = trn(
            "{n:,} photo could not be: {why}",
            "{n:,} photos could not be; the first: {why}",
            len(self._refused),
            why=self._refused[0],
        )
        return f"{made} {others}"

    def _exited(self, outcome: Outcome) -> None:
        self._worker = None
        if self._begun:
            self._end(outcome.sentence(tr("prepare the photos again")), well=False)

    def _end(self, sentence: str, *, well: bool) -> None:
        worker, self._worker, self._begun = self._worker, None, False
        if worker is not None:
            worker.stop(grace_ms=GRACE_MS)
        self.ended.emit(sentence, well)


def _missing(
    folder: Path, photos: dict[str, Path], spec: EngineSpec, checkpoint: Path | None
) -> Wanted:
    store, maker = EmbeddingStore(folder, 0), maker_of(spec, checkpoint)
    keys = ((path, EmbeddingKey(digest, maker)) for digest, path in photos.items())
    return deque((path, key.fields()) for path, key in keys if not store.has(key))
