"""Actions on many photos: carried out on the store lane, undone as one step.

A step is next in line for Undo until a photo is edited after it. Knows the services and the
notices; knows no gallery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.bulk import BulkEdit
from core.domain.disease import Disease
from core.domain.ids import DiseaseId, ImageId
from core.domain.image import ImageState, Split
from core.language import tr, trn
from core.services import bulk
from gui.context import Context
from gui.controllers.edits import Edits
from gui.controllers.saver import SaveState
from gui.models.diseases import DiseaseList
from gui.notices import Level, Notice

if TYPE_CHECKING:
    from core.ports import ProjectStore


@dataclass(frozen=True)
class _Step:
    """``after``: how many edits of single photos had been done, less those undone."""

    edit: BulkEdit
    after: int


class BulkController(QObject):
    """``done`` carries the photos of every action, undo and redo once it is on disk;
    ``removed`` those that were taken out, while the lists still show them.
    """

    done = Signal(object)
    removed = Signal(object)

    def __init__(
        self, context: Context, edits: Edits, diseases: DiseaseList, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._edits, self._diseases = context, edits, diseases
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._waiting: list[Callable[[], None]] = []
        context.project.opened.connect(self._forget)
        context.project.changed.connect(self._project_changed)
        edits.saver.all_saved.connect(self._go_on)

    # -- actions

    def name(self, images: Sequence[ImageId], disease: Disease | None) -> None:
        called = disease.name if disease else tr("not named")
        self._act(
            lambda store: bulk.name(store, images, disease),
            trn(
                "{n:,} photo is now: {called}.",
                "{n:,} photos are now: {called}.",
                len(images),
                called=called,
            ),
        )

    def mark(self, images: Sequence[ImageId], state: ImageState) -> None:
        """Checking needs a name, and says so when it is the name of whoever labelled."""
        by = self._context.preferences.text("label.author").strip()
        checking = state is ImageState.CHECKED
        if checking and not by:
            self.ask_for_name()
            return
        healthy = self._diseases.healthy
        own = [0]

        def make(store: ProjectStore) -> BulkEdit:
            own[0] = bulk.own_checks(store, images, by) if checking else 0
            return bulk.mark(store, images, state, healthy=healthy, by=by)

        def said() -> None:
            if own[0]:
                self._context.notices.warning(own_check_sentence(own[0]))

        text = trn("{n:,} photo is marked.", "{n:,} photos are marked.", len(images))
        self._act(make, text, then=said)

    def split(self, images: Sequence[ImageId], split: Split) -> None:
        count = trn("{n:,} photo", "{n:,} photos", len(images))
        self._act(
            lambda _store: bulk.put_in_split(images, split), tr("Set for {count}.", count=count)
        )

    def group(self, images: Sequence[ImageId], group: str) -> None:
        count = trn("{n:,} photo", "{n:,} photos", len(images))
        self._act(
            lambda _store: bulk.put_in_group(images, group),
            tr("Group set for {count}.", count=count),
        )

    def remove(self, images: Sequence[ImageId], *, back: bool = False) -> None:
        """Files and outlines stay; the photos are found under the filter “Removed photos”."""
        count = trn("{n:,} photo", "{n:,} photos", len(images))
        text = (
            tr("{count} put back.", count=count)
            if back
            else tr("{count} removed; the files stay where they are.", count=count)
        )
        self._act(
            lambda _store: bulk.remove(images, back=back),
            text,
            then=lambda: None if back else self.removed.emit(frozenset(images)),
        )

    def ask_for_name(self) -> None:
        """A check is by somebody."""
        self._context.notices.post(
            Notice(
                Level.WARNING,
                tr("A check is by a second person: type your name in the preferences first."),
                tr("Preferences…"),
                self._context.actions["app.preferences"].trigger,
            )
        )

    # -- undo

    @property
    def undo_title(self) -> str:
        """What undo takes back before any edit of a photo; "" when an edit is newer."""
        return self._title(self._undo)

    @property
    def redo_title(self) -> str:
        return self._title(self._redo)

    def undo(self) -> None:
        self._step(self._undo, self._redo)

    def redo(self) -> None:
        self._step(self._redo, self._undo)

    def _title(self, steps: list[_Step]) -> str:
        return steps[-1].edit.title if steps and steps[-1].after >= self._edits.balance else ""

    def _step(self, source: list[_Step], target: list[_Step]) -> None:
        if not source or not self._context.project.writable:
            return
        step = source.pop()
        self._carry_out(
            lambda _store: step.edit,
            lambda inverse: target.append(_Step(inverse, self._edits.balance)),
        )

    # -- carrying out

    def _act(
        self,
        make: Callable[[ProjectStore], BulkEdit],
        text: str,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        def taken(inverse: BulkEdit) -> None:
            self._redo.clear()
            self._undo.append(_Step(inverse, self._edits.balance))
            self._context.notices.post(Notice(Level.SUCCESS, text, tr("Undo"), self._undo_last))
            then()

        if self._context.project.writable:
            self._carry_out(make, taken)

    def _undo_last(self) -> None:
        if self.undo_title:
            self.undo()
        elif self._undo:
            self._context.notices.info(tr("Photos were edited since: undo those edits first."))

    def _carry_out(
        self, make: Callable[[ProjectStore], BulkEdit], taken: Callable[[BulkEdit], None]
    ) -> None:
        """After what is being saved: a later edit of a photo builds on what is on disk."""
        if self._edits.saver.state is not SaveState.SAVED:
            self._waiting.append(lambda: self._carry_out(make, taken))
            return
        inverse: list[BulkEdit] = []

        def work(store: ProjectStore) -> Changes:
            done = store.bulk(make(store))
            inverse.append(done.inverse)
            return done.changes

        def written(changes: Changes) -> None:
            taken(inverse[0])
            self.done.emit(changes.images)
            self._edits.updated.emit()

        self._context.project.change(work, on_done=written)

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def _project_changed(self, changes: Changes) -> None:
        if changes.diseases and (self._undo or self._redo):
            self._context.project.ask(
                lambda store: {disease.id for disease in store.diseases()},
                on_done=self._keep_to,
                owner=self,
            )

    def _keep_to(self, diseases: set[DiseaseId]) -> None:
        """A step that would bring back a disease which has gone cannot be carried out, nor can
        those that come before it."""
        for steps in (self._undo, self._redo):
            gone = [n for n, step in enumerate(steps) if not step.edit.diseases() <= diseases]
            if gone:
                del steps[: gone[-1] + 1]
        self._edits.updated.emit()

    def _forget(self) -> None:
        self._undo, self._redo, self._waiting = [], [], []


def own_check_sentence(count: int = 1) -> str:
    """For whoever checks what they labelled themselves."""
    if count == 1:
        return tr("You labelled this photo yourself: ask a second person to check it.")
    return tr(
        "You labelled {count:,} of these yourself: ask a second person to check them.", count=count
    )
