"""Actions on many photos: carried out on the store lane, undone as one step, after a restart too.

Undo goes by time: such a step is next in line unless the open photo was edited after it. Knows the
services and the notices; knows no gallery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.bulk import BulkEdit, ManyStep
from core.domain.disease import Disease
from core.domain.ids import ImageId
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


class BulkController(QObject):
    """``done`` carries the photos of every action, undo and redo once it is on disk;
    ``removed`` those that were taken out, while the lists still show them. ``remembered`` fires
    when undo or redo know other steps.
    """

    done = Signal(object)
    removed = Signal(object)
    remembered = Signal()

    def __init__(
        self, context: Context, edits: Edits, diseases: DiseaseList, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._edits, self._diseases = context, edits, diseases
        self._steps: list[ManyStep] = []
        self._waiting: list[Callable[[], None]] = []
        context.project.opened.connect(self._opened)
        edits.saver.all_saved.connect(self._go_on)
        self._recall()

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

    def crop(self, images: Sequence[ImageId], crop: str) -> None:
        text = trn("Crop set for {n:,} photo.", "Crop set for {n:,} photos.", len(images))
        self._act(lambda _store: bulk.set_crop(images, crop), text)

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

    def merge(self, gone: Disease, into: Disease) -> None:
        """One disease becomes another on every photo; undone as one step as well."""

        def work(store: ProjectStore) -> Changes:
            merged = store.merge_diseases(gone.id, into.id)
            return Changes(images=merged.photos, diseases=True, elsewhere=True)

        if self._context.project.writable:
            self._carry_out(work)

    # -- undo

    @property
    def undo_title(self) -> str:
        """What undo takes back before any edit of the open photo; "" when an edit is newer."""
        step = self._next_back
        newer = step is None or self._edits.recalling or self._edits.undo_action > step.action
        return "" if newer or step is None else _told(step)

    @property
    def redo_title(self) -> str:
        """What redo does again before any edit of the open photo."""
        step, edits = self._next_again, self._edits
        if step is None or edits.recalling or edits.undo_action > step.action:
            return ""
        return "" if 0 < edits.redo_action < step.action else _told(step)

    @property
    def last_merge(self) -> ManyStep | None:
        """The newest merge of diseases that has not been undone."""
        return next((s for s in reversed(self._steps) if s.merge and not s.undone), None)

    def undo(self) -> None:
        if self._next_back is not None:
            self.take_back(self._next_back)

    def redo(self) -> None:
        step = self._next_again
        if step is not None and self._context.project.writable:
            text = tr("Done again: {what}.", what=_told(step))
            self._carry_out(
                lambda store: store.do_again(step.action),
                lambda: self._context.notices.success(text),
            )

    def take_back(self, step: ManyStep) -> None:
        """Undo ``step``. Photos on which somebody has said otherwise since keep that."""
        if self._context.project.writable:
            text = tr("Undone: {what}.", what=_told(step))
            self._carry_out(
                lambda store: store.take_back(step.action),
                lambda: self._context.notices.success(text),
            )

    @property
    def _next_back(self) -> ManyStep | None:
        return next((s for s in reversed(self._steps) if not s.undone), None)

    @property
    def _next_again(self) -> ManyStep | None:
        return next((s for s in self._steps if s.undone), None)

    # -- carrying out

    def _act(
        self,
        make: Callable[[ProjectStore], BulkEdit],
        text: str,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        made: list[BulkEdit] = []

        def work(store: ProjectStore) -> Changes:
            made.append(make(store))
            return store.bulk(made[-1])

        def taken() -> None:
            step = next((s for s in self._steps if s.action == made[-1].action), None)
            if step is None:  # they were so already
                self._context.notices.success(text)
            else:
                undo = partial(self.take_back, step)
                self._context.notices.post(Notice(Level.SUCCESS, text, tr("Undo"), undo))
            then()

        if self._context.project.writable:
            self._carry_out(work, taken)

    def _carry_out(
        self,
        work: Callable[[ProjectStore], Changes],
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        """After what is being saved: a later edit of a photo builds on what is on disk."""
        if self._edits.saver.state is not SaveState.SAVED:
            self._waiting.append(lambda: self._carry_out(work, taken))
            return
        steps: list[ManyStep] = []

        def with_steps(store: ProjectStore) -> Changes:
            changes = work(store)
            steps[:] = store.many_steps()
            return changes

        def written(changes: Changes) -> None:
            self._remembered(steps)
            taken()
            self.done.emit(changes.images)

        self._context.project.change(with_steps, on_done=written, on_error=self._failed)

    def _failed(self, error: BaseException) -> None:
        self._context.notices.show(error)
        self._recall()  # a step that cannot be undone is forgotten

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def _opened(self) -> None:
        self._steps, self._waiting = [], []
        self._recall()

    def _recall(self) -> None:
        self._context.project.ask(
            lambda store: store.many_steps(), on_done=self._remembered, owner=self
        )

    def _remembered(self, steps: list[ManyStep]) -> None:
        self._steps = steps
        self.remembered.emit()
        self._edits.updated.emit()


def _told(step: ManyStep) -> str:
    photos = trn("{n:,} photo", "{n:,} photos", step.photos)
    return tr("{what}, {photos}", what=step.title, photos=photos)


def own_check_sentence(count: int = 1) -> str:
    """For whoever checks what they labelled themselves."""
    if count == 1:
        return tr("You labelled this photo yourself: ask a second person to check it.")
    return tr(
        "You labelled {count:,} of these yourself: ask a second person to check them.", count=count
    )
