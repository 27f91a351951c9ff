"""The photo that is open in the Label workspace: its regions, its picture, its place on the canvas.

A photo is switched when its regions and its picture are both there, never before, and edits that
are not on disk yet go on top of what is. Knows the store's questions and the loader; knows no
widget and no gesture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.disease import LEAF_COLOUR, UNNAMED_LESION_COLOUR
from core.domain.edits import Edit
from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.domain.region import Region, RegionInfo, RegionKind
from core.services.annotate import LabellingSession
from gui.canvas.document import CanvasDocument
from gui.context import Context
from gui.controllers.photos import Photo, PhotoLoader
from gui.models.diseases import DiseaseList

if TYPE_CHECKING:
    from core.ports import ProjectStore


class OpenPhoto(QObject):
    """``opened`` fires when another photo (or none) is open, ``improved`` when a better picture of
    it came, ``recoloured`` when its regions have other colours. ``leaving`` fires while the photo
    before is still open: a stroke under way belongs to it. ``trouble`` is why the wanted photo
    cannot be shown, None while that is not known.

    ``pending`` gives the edits of a photo that are not on disk yet.
    """

    leaving = Signal()
    opened = Signal()
    improved = Signal()
    recoloured = Signal()

    def __init__(self, context: Context, diseases: DiseaseList, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._diseases = context, diseases
        self.loader = PhotoLoader(context, self)
        self.pending: Callable[[ImageId], list[Edit]] = lambda _image: []
        self.session: LabellingSession | None = None
        self.document: CanvasDocument | None = None
        self.photo: Photo | None = None
        self.wanted: ImageId | None = None
        self._found: tuple[LeafImage, list[Region], list[Edit]] | None = None
        """What is known of the wanted photo while its picture comes; edits yet to be written."""
        self.trouble: BaseException | None = None
        context.project.leaving.connect(self._project_leaving)
        context.project.opened.connect(self._project_opened)
        context.project.changed.connect(self._project_changed)
        diseases.changed.connect(self._recolour)

    def open(self, image: ImageId) -> None:
        """Bring a photo up. The one before stays until this one can be shown."""
        if image == self.wanted and self.session is not None:
            return
        self.wanted, self.trouble = image, None
        self._ask(image)

    def _ask(self, image: ImageId) -> None:
        self._found = None
        self._context.project.ask(
            lambda store: _entry(store, image),
            on_done=lambda answer: self._load(*answer) if self.wanted == image else None,
            on_error=lambda error: self._cannot_show(image, error),
            owner=self,
        )

    def reopen(self) -> None:
        """Try the wanted photo again (its file was found, say)."""
        image, self.wanted = self.wanted, None
        if image is not None:
            self.loader.forget(image)
            self.open(image)

    def colour(self, info: RegionInfo) -> str:
        """``#rrggbb`` of a region."""
        if info.kind is RegionKind.LEAF:
            return LEAF_COLOUR
        disease = self._diseases.get(info.disease)
        return disease.colour if disease is not None else UNNAMED_LESION_COLOUR

    def _load(self, image: LeafImage, regions: list[Region], path: Path) -> None:
        # As of this answer: an edit that is written while the photo is decoded is neither among
        # these regions nor pending any more by then.
        self._found = (image, regions, self.pending(image.id))
        self.loader.load(
            image,
            path,
            on_done=self._take,
            on_error=lambda error: self._cannot_show(image.id, error),
        )

    def _take(self, photo: Photo) -> None:
        image = photo.image.id
        if self.wanted != image:
            return
        if self.session is not None and self.session.image.id == image:
            self.photo = photo
            self.improved.emit()
            return
        if self._found is not None and self._found[0].id == image:
            self._begin(photo, *self._found)

    def _begin(
        self, photo: Photo, image: LeafImage, regions: list[Region], waiting: list[Edit] | None
    ) -> None:
        """``waiting`` are the edits that are not in ``regions``; None for those that are pending
        once what is under way on this very photo has been handed out."""
        self._drop()
        self._found = None
        self.photo = photo
        self.session = LabellingSession(image, regions)
        for edit in self.pending(image.id) if waiting is None else waiting:
            self.session.apply(edit)
        size = (image.width, image.height)
        self.document = CanvasDocument(size, self.session.regions, palette=self.colour, parent=self)
        self.opened.emit()

    def _cannot_show(self, image: ImageId, error: BaseException) -> None:
        if self.wanted == image:
            self.trouble = error
            self._drop()
            self.opened.emit()

    def _drop(self) -> None:
        if self.session is not None:
            self.leaving.emit()
        if self.document is not None:
            self.document.deleteLater()
        self.session = self.document = self.photo = None

    def _project_leaving(self) -> None:
        """A stroke under way is finished while there is still a project to save it in."""
        if self.session is not None:
            self.leaving.emit()

    def _project_opened(self) -> None:
        # The project has gone, and what was under way was handed out before.
        self.session = None
        self.wanted = self.trouble = None
        self._drop()
        self.opened.emit()

    def _project_changed(self, changes: Changes) -> None:
        """After an import or a search for moved photos the wanted one may be there."""
        if changes.everything and self.session is None:
            self.reopen()
        image = self.session.image.id if self.session is not None else None
        if changes.elsewhere and self.wanted != image and self.wanted in changes.images:
            self._ask(self.wanted)  # what was read of it while its picture comes is out of date
        if changes.elsewhere and image is not None and image in changes.images:
            self._context.project.ask(
                lambda store: _entry(store, image),
                on_done=lambda answer: self._renew(*answer),
                owner=self,
            )
        elif changes.everything and image is not None:
            self._context.project.ask(
                lambda store: _entry(store, image),
                on_done=lambda answer: self._moved(*answer),
                owner=self,
            )

    def _renew(self, image: LeafImage, regions: list[Region], path: Path) -> None:
        """The open photo has been completed by an import: the same picture, what is there now."""
        if self.session is not None and self.session.image.id == image.id and self.photo:
            self._begin(replace(self.photo, path=path), image, regions, None)

    def _moved(self, image: LeafImage, regions: list[Region], path: Path) -> None:
        """Its file was found again elsewhere: the assistant has to look for it there."""
        if self.photo is not None and self.photo.path != path:
            self._renew(image, regions, path)

    def _recolour(self) -> None:
        """A disease has another colour or name, or the list arrived after the photo."""
        if self.document is not None:
            self.document.set_palette(self.colour)
            self.recoloured.emit()


def _entry(store: ProjectStore, image: ImageId) -> tuple[LeafImage, list[Region], Path]:
    found = store.image(image)
    return found, store.regions(image), store.resolve(found)
