"""Prepared photos: which there are, packs of them out and in, and preparing all; in the background.

One piece of work at a time, which the person may stop. Files are read and written on the free lane,
photos are looked at by a worker of their own. Knows the services and the project's folder; knows no
widget.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from core.embeddings.packs import PackReport, Stopped
from core.errors import UserError
from core.language import tr, trn
from core.natural import natural
from core.services.embed import photos_of
from core.services.packs import PackView, Shelf, export_pack, shelves, take_in, view
from gui.context import Context
from gui.controllers.preparing import Preparing

T = TypeVar("T")


@dataclass(frozen=True)
class Survey:
    """The project's ``photos`` (path by SHA-256), by name, and what is prepared of them."""

    photos: dict[str, Path]
    shelves: list[Shelf]


class Packs(QObject):
    """``surveyed`` carries a `Survey`, ``viewed`` a `PackView`, ``progressed`` (done, of),
    ``ended`` (sentence, whether it went well) when a piece of work is over. ``is_surveyed`` says
    that nothing was worked on since the last survey.
    """

    surveyed = Signal(object)
    viewed = Signal(object)
    progressed = Signal(int, int)
    ended = Signal(str, bool)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._photos: dict[str, Path] = {}
        self._stop: threading.Event | None = None
        self.is_surveyed = False
        self._preparing = Preparing(context, self)
        self._preparing.progressed.connect(self.progressed)
        self._preparing.ended.connect(self._prepared)
        info = context.project.info
        self._folder = info.folder if info is not None else Path()

    @property
    def busy(self) -> bool:
        return self._stop is not None or self._preparing.running

    def survey(self) -> None:
        """Look what there is."""

        def surveyed(found: Survey) -> None:
            self.is_surveyed = True
            self.surveyed.emit(found)

        def listed(photos: dict[str, Path]) -> None:
            self._photos = photos
            self._context.tasks.run(
                lambda: Survey(_by_name(photos), shelves(self._folder, photos)),
                on_done=surveyed,
                owner=self,
            )

        self._context.project.ask(photos_of, on_done=listed, owner=self)

    def export(self, shelf: Shelf, path: Path) -> None:
        """Write a pack; the dialog has asked whether an earlier file may go."""

        def said(count: int) -> str:
            photos = trn("{n:,} photo", "{n:,} photos", count)
            return tr("“{name}” holds {photos}.", name=path.name, photos=photos)

        self._work(
            lambda told, stopped: export_pack(
                self._folder, shelf, path, progress=told, cancelled=stopped
            ),
            said,
        )

    def view(self, path: Path) -> None:
        """Look into a pack; nothing is taken in."""
        photos = self._photos
        self._context.tasks.run(
            lambda: view(path, photos),
            on_done=self.viewed.emit,
            on_error=self._failed,
            owner=self,
        )

    def take(self, pack: PackView) -> None:
        """Take in what matches."""
        photos = self._photos
        self._work(
            lambda told, stopped: take_in(
                self._folder, photos, pack.path, progress=told, cancelled=stopped
            ),
            _taken,
        )

    def prepare(self) -> None:
        """Have the assistant that is chosen look at every photo it has not seen."""
        if not self.busy:
            self._preparing.start(self._folder, self._photos)

    def stop(self) -> None:
        """End what is under way; what is whole by then stays."""
        if self._stop is not None:
            self._stop.set()
        self._preparing.stop()

    def _work(
        self,
        work: Callable[[Callable[[int, int], None], Callable[[], bool]], T],
        said: Callable[[T], str],
    ) -> None:
        if self.busy:
            return
        stop = self._stop = threading.Event()
        post = self._context.tasks.post

        def told(done: int, of: int) -> None:
            post(lambda: self.progressed.emit(done, of), self)

        self._context.tasks.run(
            lambda: work(told, stop.is_set),
            on_done=lambda answer: self._end(said(answer), well=not stop.is_set()),
            on_error=self._failed,
            owner=self,
        )

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Stopped):
            self._end(tr("Stopped; no pack was written."), well=False)
            return
        if not isinstance(error, UserError):
            self._context.notices.show(error)
        self._end(_sentence(error), well=False)

    def _prepared(self, sentence: str, well: bool) -> None:
        self._end(sentence, well=well)

    def _end(self, sentence: str, *, well: bool) -> None:
        self._stop, self.is_surveyed = None, False
        self.ended.emit(sentence, well)
        self.survey()


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else tr("An error of the program.")


def _taken(report: PackReport) -> str:
    parts = [trn("Took in {n:,} photo.", "Took in {n:,} photos.", report.taken)]
    if report.there:
        parts.append(
            trn(
                "{n:,} photo was prepared before.",
                "{n:,} photos were prepared before.",
                report.there,
            )
        )
    if report.damaged:
        parts.append(
            trn(
                "{n:,} photo is damaged in the pack; copy it again.",
                "{n:,} photos are damaged in the pack; copy it again.",
                len(report.damaged),
            )
        )
    if report.cancelled:
        parts.append(tr("Stopped; what was taken in stays."))
    return " ".join(parts)


def _by_name(photos: dict[str, Path]) -> dict[str, Path]:
    return dict(sorted(photos.items(), key=lambda photo: natural(photo[1].name)))
