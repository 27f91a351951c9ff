"""What undo and redo know of actions on many photos, and carrying such an action out.

Undo goes by time: such a step is next in line unless the open photo was edited after it. Steps are
the store's and outlive the window. Knows the store's port and the notices; knows no action.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.bulk import ManyStep
from core.language import tr, trn
from gui.context import Context
from gui.controllers.edits import Edits
from gui.controllers.saver import SaveState

if TYPE_CHECKING:
    from core.ports import ProjectStore


class ManySteps(QObject):
    """``done`` carries the photos of every action, undo and redo once it is on disk; ``remembered``
    fires when undo or redo know other steps.
    """

    done = Signal(object)
    remembered = Signal()

    def __init__(self, context: Context, edits: Edits, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._edits = context, edits
        self._steps: list[ManyStep] = []
        self._waiting: list[tuple[Callable[[ProjectStore], Changes], Callable[[], None]]] = []
        context.project.leaving.connect(self._leaving)
        context.project.opened.connect(self._opened)
        edits.saver.all_saved.connect(self._go_on)
        self._recall()

    @property
    def undo_title(self) -> str:
        """What undo takes back before any edit of the open photo; "" when an edit is newer."""
        step = self._next_back
        return _told(step) if step is not None and not self._edited_after(step) else ""

    @property
    def redo_title(self) -> str:
        """What redo does again before any edit of the open photo; "" when one comes first."""
        step = self._next_again
        if step is None or self._edited_after(step) or 0 < self._edits.redo_action < step.action:
            return ""
        return _told(step)

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
            self._turn(step, undone=False)
            text = tr("Done again: {what}.", what=_told(step))
            self.carry_out(
                lambda store: store.do_again(step.action),
                lambda: self._context.notices.success(text),
            )

    def take_back(self, step: ManyStep) -> None:
        """Undo ``step``. Photos on which somebody has said otherwise since keep that.

        Nothing where it has been undone meanwhile, or is another project's: a notice offers it for
        as long as it is shown.
        """
        known = self.step(step.action)
        if known is not None and not known.undone and self._context.project.writable:
            self._turn(step, undone=True)
            text = tr("Undone: {what}.", what=_told(step))
            self.carry_out(
                lambda store: store.take_back(step.action),
                lambda: self._context.notices.success(text),
            )

    def _turn(self, step: ManyStep, *, undone: bool) -> None:
        """At once, so that a second Ctrl+Z is about the next one."""
        turned = replace(step, undone=undone)
        self._steps = [turned if one.action == step.action else one for one in self._steps]
        self._edits.updated.emit()

    def _edited_after(self, step: ManyStep) -> bool:
        """Whether the open photo was; also while that is not known yet."""
        return self._edits.recalling or self._edits.undo_action > step.action

    @property
    def _next_back(self) -> ManyStep | None:
        return next((s for s in reversed(self._steps) if not s.undone), None)

    @property
    def _next_again(self) -> ManyStep | None:
        return next((s for s in self._steps if s.undone), None)

    def step(self, action: int) -> ManyStep | None:
        """The one of that action, if it is remembered."""
        return next((s for s in self._steps if s.action == action), None)

    def carry_out(
        self,
        work: Callable[[ProjectStore], Changes],
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        """After what is being saved: a later edit of a photo builds on what is on disk."""
        if self._edits.saver.state is not SaveState.SAVED:
            self._waiting.append((work, taken))
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
        for work, taken in waiting:
            self.carry_out(work, taken)

    def _leaving(self) -> None:
        """The project is about to be closed; what is being saved is on its lane by now."""
        waiting, self._waiting = self._waiting, []
        for work, _ in waiting:
            self._context.project.change(work)

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
