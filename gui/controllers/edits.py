"""Carries finished actions out: in the session, on the canvas, in the history, and to disk.

Knows edits and their order; what they mean is decided elsewhere. Knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId, RegionId
from core.history import History
from core.language import tr
from core.ports import Steps
from core.services.annotate import Touched
from gui.context import Context
from gui.controllers.open_photo import OpenPhoto
from gui.controllers.saver import Saver

STEPS_DROPPED = tr(
    "What was done on this photo before cannot be undone any more: it has been changed otherwise "
    "since. Its outlines are as they were saved."
)


class Edits(QObject):
    """``updated`` fires after every change of regions, labels, areas, undo or the active region."""

    updated = Signal()

    def __init__(self, context: Context, current: OpenPhoto, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._current = context, current
        self.saver = Saver(context, self)
        self._history = History(context.preferences.number("label.undo_megabytes") << 20)
        self._also: tuple[RegionId, ...] = ()
        self._recalling: ImageId | None = None
        current.pending = self.saver.pending
        current.opened.connect(self._recall)
        current.opened.connect(self.updated)
        current.recoloured.connect(self.updated)
        context.project.opened.connect(self._history.clear)
        context.project.changed.connect(self._project_changed)

    def do(self, edit: Edit | None, *, select: bool = False) -> None:
        """A finished action; ``select`` makes a region it added the active one."""
        if edit is not None and self._context.project.writable:
            self._history.push(edit)
            self._carry_out(edit, select=select)

    def undo(self) -> None:
        self._step(self._history.undo)

    def redo(self) -> None:
        self._step(self._history.redo)

    @property
    def undo_title(self) -> str:
        """What undo takes back; "" when nothing."""
        session = self._current.session
        return self._history.undo_title(session.image.id) if session else ""

    @property
    def redo_title(self) -> str:
        """What redo does again; "" when nothing."""
        session = self._current.session
        return self._history.redo_title(session.image.id) if session else ""

    @property
    def recalling(self) -> bool:
        """Whether the steps of the open photo are still being asked for."""
        session = self._current.session
        return session is not None and session.image.id == self._recalling

    @property
    def undo_action(self) -> int:
        """That of what undo takes back, 0 for nothing; the later of two is the larger."""
        session = self._current.session
        return self._history.undo_action(session.image.id) if session else 0

    @property
    def redo_action(self) -> int:
        """That of what redo does again, 0 for nothing."""
        session = self._current.session
        return self._history.redo_action(session.image.id) if session else 0

    @property
    def active(self) -> RegionId | None:
        """The region that brush and eraser work on."""
        document = self._current.document
        return document.active_id if document is not None else None

    @property
    def chosen(self) -> list[RegionId]:
        """The active region and those chosen with it, the active one first."""
        session, active = self._current.session, self.active
        if session is None or active is None:
            return []
        return [active, *(r for r in self._also if r != active and session.region(r) is not None)]

    def set_active(self, region: RegionId | None, also: Iterable[RegionId] = ()) -> None:
        """Choose a region, and others ``also`` for the actions that work on several."""
        document, wanted = self._current.document, tuple(also)
        if document is not None and (region, wanted) != (document.active_id, self._also):
            self._also = wanted
            document.set_active(region)
            self.updated.emit()

    def _recall(self) -> None:
        """Ask for the steps of an earlier session. What is done meanwhile is committed later."""
        session = self._current.session
        if session is None or self._history.knows(session.image.id):
            return
        image = session.image.id
        if not self.saver.pending(image):
            self._recalling = image
            self._context.project.ask(
                lambda store: store.steps(image),
                on_done=lambda steps: self._recalled(image, steps),
                on_error=self._not_recalled,
                owner=self,
            )

    def _not_recalled(self, error: BaseException) -> None:
        self._recalling = None
        self._context.notices.show(error)

    def _recalled(self, image: ImageId, steps: Steps) -> None:
        if self._recalling == image:
            self._recalling = None
        self._history.recall(image, steps.done, steps.undone)
        if steps.dropped:
            self._context.notices.info(STEPS_DROPPED)
        self.updated.emit()

    def _project_changed(self, changes: Changes) -> None:
        """Steps do not fit on photos that an import has completed, nor where a disease has gone.

        When one was merged, or that was undone, the store knows what it is called in each step.
        """
        if changes.elsewhere and changes.diseases:
            self._history.clear()
            self._recall()
        elif changes.elsewhere:
            for image in changes.images:
                self._history.forget(image)
            self.updated.emit()
        elif changes.diseases:
            self._context.project.ask(
                lambda store: {disease.id for disease in store.diseases()},
                on_done=self._keep_to,
                owner=self,
            )

    def _keep_to(self, diseases: set[DiseaseId]) -> None:
        self._history.keep_to(diseases)
        self._recall()
        self.updated.emit()

    def _step(self, step: Callable[[ImageId], Edit | None]) -> None:
        session = self._current.session
        if session is None or not self._context.project.writable:
            return
        edit = step(session.image.id)
        if edit is not None:
            self._carry_out(edit)

    def _carry_out(self, edit: Edit, *, select: bool = False) -> None:
        session, document = self._current.session, self._current.document
        if session is None or document is None:
            return
        before = {r.info.id for r in session.regions}
        touched = session.apply(edit)
        self.saver.save(edit)
        self._show(touched)
        new = [r.info.id for r in session.regions if r.info.id not in before]
        if select and new:
            self._also = ()
            document.set_active(new[-1])
        self.updated.emit()

    def _show(self, touched: Touched) -> None:
        session, document = self._current.session, self._current.document
        if session is None or document is None:
            return
        if touched.regions:
            document.set_regions(session.regions)
        if touched.tiles:
            document.tiles_changed(dict.fromkeys(touched.tiles))  # type: ignore[arg-type]
