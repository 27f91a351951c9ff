"""The Label workspace's mind: which photo is open, what was done to it, and what can be undone.

Turns gestures into edits of the labelling session, hands each finished one to the saver, and tells
the canvas and the panels what changed. Knows the session, the history and the document; knows no
widget. A photo is switched when its regions and its picture are both there, never before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.disease import LEAF_COLOUR, UNNAMED_LESION_COLOUR, Disease
from core.domain.edits import Edit, PackedTiles
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.domain.image import ImageState, LeafImage
from core.domain.region import Region, RegionInfo, RegionKind
from core.engines.base import Candidate
from core.history import History
from core.services.annotate import Draft, LabellingSession, Touched
from gui.canvas.document import CanvasDocument
from gui.context import Context
from gui.controllers.photos import Photo, PhotoLoader
from gui.controllers.saver import Saver
from gui.models.diseases import DiseaseList

if TYPE_CHECKING:
    from core.ports import ProjectStore


class LabelController(QObject):
    """``opened`` fires when another photo (or none) is open, ``photo_improved`` when a better
    picture of it came, ``updated`` after every change of regions, labels, areas or undo.
    ``leaving`` fires while the photo before is still open: a stroke under way belongs to it.
    ``unreadable`` carries (photo id, error) when a photo's file cannot be shown.
    """

    leaving = Signal()
    opened = Signal()
    photo_improved = Signal()
    updated = Signal()
    unreadable = Signal(object, object)

    def __init__(self, context: Context, diseases: DiseaseList, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._diseases = context, diseases
        self.saver = Saver(context, self)
        self.photos = PhotoLoader(context, self)
        budget = context.preferences.number("label.undo_megabytes") << 20
        self._history = History(budget)
        self.session: LabellingSession | None = None
        self.document: CanvasDocument | None = None
        self.photo: Photo | None = None
        self.kind = RegionKind.LESION
        self._wanted: ImageId | None = None
        context.project.opened.connect(self._project_opened)
        context.project.changed.connect(self._project_changed)
        diseases.changed.connect(self._recolour)

    # -- which photo

    @property
    def wanted(self) -> ImageId | None:
        """The photo that is open or on its way."""
        return self._wanted

    def open(self, image: ImageId) -> None:
        """Bring a photo up. The one before stays until this one can be shown."""
        if image == self._wanted and self.session is not None:
            return
        self._wanted = image

        def question(store: ProjectStore) -> tuple[LeafImage, list[Region], Path]:
            found = store.image(image)
            return found, store.regions(image), store.resolve(found)

        self._context.project.ask(
            question,
            on_done=lambda answer: self._load(*answer) if self._wanted == image else None,
            on_error=lambda error: self._cannot_show(image, error),
            owner=self,
        )

    def reopen(self) -> None:
        """Try the wanted photo again (its file was found, say)."""
        image, self._wanted = self._wanted, None
        if image is not None:
            self.photos.forget(image)
            self.open(image)

    def _load(self, image: LeafImage, regions: list[Region], path: Path) -> None:
        self.photos.load(
            image,
            path,
            on_done=lambda photo: self._take(image, regions, photo),
            on_error=lambda error: self._cannot_show(image.id, error),
        )

    def _take(self, image: LeafImage, regions: list[Region], photo: Photo) -> None:
        if self._wanted != image.id:
            return
        if self.session is not None and self.session.image.id == image.id:
            self.photo = photo
            self.photo_improved.emit()
            return
        self._drop()
        self.photo = photo
        self.session = LabellingSession(image, regions)
        for edit in self.saver.pending(image.id):  # what is not on disk yet goes on top
            self.session.apply(edit)
        self.document = CanvasDocument(
            (image.width, image.height),
            self.session.regions,
            palette=self.colour,
            parent=self,
        )
        self._follow_draft()
        self.opened.emit()
        self.updated.emit()

    def _cannot_show(self, image: ImageId, error: BaseException) -> None:
        if self._wanted == image:
            self._drop()
            self.opened.emit()
            self.updated.emit()
            self.unreadable.emit(image, error)

    def _drop(self) -> None:
        if self.session is not None:
            self.leaving.emit()
        if self.document is not None:
            self.document.deleteLater()
        self.session = self.document = self.photo = None

    def _project_opened(self) -> None:
        # The project has gone: a stroke under way has nowhere to go to.
        self.session = None
        self._history.clear()
        self._wanted = None
        self._drop()
        self.opened.emit()
        self.updated.emit()

    def _project_changed(self, changes: Changes) -> None:
        """After an import or a search for moved photos, one that could not be shown may be there."""
        if changes.everything and self.session is None:
            self.reopen()

    # -- what is done to it

    @property
    def disease(self) -> DiseaseId | None:
        """What new lesions are called: as the leaf."""
        found = self._diseases.get(self.session.image.disease) if self.session else None
        return found.id if found is not None and not found.healthy else None

    def draft(self, source: str = "hand") -> Draft:
        author = self._context.preferences.text("label.author")
        return Draft(self.kind, self.disease, source, author)

    def set_kind(self, kind: RegionKind) -> None:
        """What is outlined next."""
        self.kind = kind
        self._follow_draft()
        self.updated.emit()

    def stroke(self, region: RegionId | None, delta: PackedTiles) -> None:
        if self.session is not None:
            self.do(self.session.stroke(delta, region=region, draft=self.draft()), select=True)

    def accept(self, candidate: Candidate, *, source: str, into: RegionId | None) -> None:
        """A proposal becomes a region, or more pixels of ``into``."""
        if self.session is not None:
            edit = self.session.accept(candidate, into=into, draft=self.draft(source))
            self.do(edit, select=True)

    def delete_active(self) -> None:
        active = self.active
        if self.session is not None and active is not None:
            self.do(self.session.delete(active))

    def relabel(self, region: RegionId, *, kind: RegionKind, disease: DiseaseId | None) -> None:
        if self.session is not None:
            self.do(self.session.relabel(region, kind=kind, disease=disease))

    def name(self, disease: Disease | None) -> None:
        """The disease of the leaf."""
        if self.session is not None:
            self.do(self.session.name_disease(disease))

    def name_active(self, disease: Disease) -> None:
        """A number key: the active lesion's disease; the leaf's when no lesion is active."""
        active = self.active
        region = self.session.region(active) if self.session and active is not None else None
        if region is None or region.info.kind is not RegionKind.LESION or disease.healthy:
            self.name(disease)
        else:
            self.relabel(region.info.id, kind=RegionKind.LESION, disease=disease.id)

    def no_lesions(self) -> None:
        if self.session is not None:
            self.do(self.session.no_lesions(self._diseases.healthy))

    def mark(self, state: ImageState) -> None:
        if self.session is not None:
            healthy = self._diseases.healthy
            self.do(self.session.set_state(state, healthy.id if healthy else None))

    def do(self, edit: Edit | None, *, select: bool = False) -> None:
        """Carry out a finished action: here, in the history, and on its way to disk."""
        if edit is None or not self._context.project.writable:
            return
        self._history.push(edit)
        self._carry_out(edit, select=select)

    def undo(self) -> None:
        self._step(self._history.undo)

    def redo(self) -> None:
        self._step(self._history.redo)

    def _step(self, step: object) -> None:
        if self.session is None or not self._context.project.writable or not callable(step):
            return
        edit = step(self.session.image.id)
        if isinstance(edit, Edit):
            self._carry_out(edit)

    @property
    def undo_title(self) -> str:
        return self._history.undo_title(self.session.image.id) if self.session else ""

    @property
    def redo_title(self) -> str:
        return self._history.redo_title(self.session.image.id) if self.session else ""

    def _carry_out(self, edit: Edit, *, select: bool = False) -> None:
        assert self.session is not None
        assert self.document is not None
        before = {r.info.id for r in self.session.regions}
        touched = self.session.apply(edit)
        self.saver.save(edit)
        self._show(touched)
        if select:
            new = [r.info.id for r in self.session.regions if r.info.id not in before]
            if new:
                self.document.set_active(new[-1])
        self._follow_draft()
        self.updated.emit()

    def _show(self, touched: Touched) -> None:
        assert self.session is not None
        assert self.document is not None
        if touched.regions:
            self.document.set_regions(self.session.regions)
        if touched.tiles:
            self.document.tiles_changed(dict.fromkeys(touched.tiles))  # type: ignore[arg-type]

    # -- the active region and its colours

    @property
    def active(self) -> RegionId | None:
        return self.document.active_id if self.document is not None else None

    def set_active(self, region: RegionId | None) -> None:
        """The region that brush, eraser, number keys and Delete work on."""
        if self.document is not None and region != self.document.active_id:
            self.document.set_active(region)
            self.updated.emit()

    def colour(self, info: RegionInfo) -> str:
        """``#rrggbb`` of a region."""
        if info.kind is RegionKind.LEAF:
            return LEAF_COLOUR
        disease = self._diseases.get(info.disease)
        return disease.colour if disease is not None else UNNAMED_LESION_COLOUR

    def _follow_draft(self) -> None:
        if self.document is not None and self.session is not None:
            draft = self.draft()
            info = RegionInfo(RegionId(0), self.session.image.id, draft.kind, draft.disease)
            self.document.new_colour = self.colour(info)

    def _recolour(self) -> None:
        """A disease has another colour or name, or the list arrived after the photo."""
        if self.document is not None:
            self.document.set_palette(self.colour)
            self._follow_draft()
            self.updated.emit()
