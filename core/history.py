"""What undo and redo remember: finished edits, photo by photo, within a byte budget.

An undo is a new edit (the inverse), committed like any other; nothing here touches a region. Knows
`Edit` values; knows no widget and no store.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from core.domain.edits import Edit
from core.domain.ids import DiseaseId, ImageId

DEFAULT_BUDGET = 256 << 20
OVERHEAD = 512
"""Bytes counted for an edit without pixels, so that relabelling cannot grow for ever either."""


@dataclass(slots=True)
class _Stacks:
    done: deque[Edit] = field(default_factory=deque)
    undone: list[Edit] = field(default_factory=list)


class History:
    """Undo and redo stacks of every photo worked on.

    When the budget (bytes of pixel data) is passed, the oldest edits of the photo that was left
    alone the longest are forgotten first; the last edit of all is kept whatever its size.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self._stacks: OrderedDict[ImageId, _Stacks] = OrderedDict()
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes remembered now."""
        return self._held

    def push(self, edit: Edit) -> None:
        """A new action was done: what had been undone on this photo can no longer be redone."""
        stacks = self._touch(edit.image)
        self._forget(stacks.undone)
        stacks.undone.clear()
        stacks.done.append(edit)
        self._held += _cost(edit)
        self._trim()

    def knows(self, image: ImageId) -> bool:
        """Whether anything was done on the photo, or recalled, and is still remembered."""
        return image in self._stacks

    def recall(self, image: ImageId, done: Iterable[Edit], undone: Iterable[Edit]) -> None:
        """Take in the steps of an earlier session, beneath what was done since.

        ``done`` is oldest first, of ``undone`` the last is redone first; those count only where
        nothing has been done since.
        """
        stacks = self._touch(image)
        if not stacks.done and not stacks.undone:
            stacks.undone.extend(undone)
            self._held += sum(_cost(edit) for edit in stacks.undone)
        for edit in reversed(list(done)):
            stacks.done.appendleft(edit)
            self._held += _cost(edit)
        self._trim()

    def undo(self, image: ImageId) -> Edit | None:
        """The edit to apply now to take the last action back; None when there is none."""
        stacks = self._touch(image)
        if not stacks.done:
            return None
        edit = stacks.done.pop()
        stacks.undone.append(edit)
        return edit.inverse()

    def redo(self, image: ImageId) -> Edit | None:
        """The edit to apply now to do the last undone action again; None when there is none."""
        stacks = self._touch(image)
        if not stacks.undone:
            return None
        edit = stacks.undone.pop()
        stacks.done.append(edit)
        return edit

    def undo_title(self, image: ImageId) -> str:
        """What undo would take back; "" when nothing."""
        stacks = self._stacks.get(image)
        return stacks.done[-1].title if stacks and stacks.done else ""

    def redo_title(self, image: ImageId) -> str:
        """What redo would do again; "" when nothing."""
        stacks = self._stacks.get(image)
        return stacks.undone[-1].title if stacks and stacks.undone else ""

    def undo_action(self, image: ImageId) -> int:
        """That of the edit which undo would take back; 0 when there is none. Later ones are
        larger."""
        stacks = self._stacks.get(image)
        return stacks.done[-1].action if stacks and stacks.done else 0

    def redo_action(self, image: ImageId) -> int:
        """That of the edit which redo would do again; 0 when there is none."""
        stacks = self._stacks.get(image)
        return stacks.undone[-1].action if stacks and stacks.undone else 0

    def forget(self, image: ImageId) -> None:
        """Something else changed the photo's regions: its steps no longer fit."""
        stacks = self._stacks.pop(image, None)
        if stacks:
            self._forget(stacks.done)
            self._forget(stacks.undone)

    def keep_to(self, diseases: Collection[DiseaseId]) -> None:
        """Forget the steps of photos on which one carries a disease that is not there any more."""
        for image, stacks in list(self._stacks.items()):
            if any(not e.diseases() <= set(diseases) for e in (*stacks.done, *stacks.undone)):
                self.forget(image)

    def clear(self) -> None:
        """Forget everything: another project is open."""
        self._stacks.clear()
        self._held = 0

    def _touch(self, image: ImageId) -> _Stacks:
        stacks = self._stacks.setdefault(image, _Stacks())
        self._stacks.move_to_end(image)
        return stacks

    def _trim(self) -> None:
        while self._held > self.budget:
            image, stacks = next(iter(self._stacks.items()))
            last = len(self._stacks) == 1
            if stacks.done and not (last and len(stacks.done) == 1):
                self._held -= _cost(stacks.done.popleft())
            elif stacks.undone:
                # Undone edits redo in reverse order: the first in the list is redone last.
                self._held -= _cost(stacks.undone.pop(0))
            elif last:
                return
            else:
                del self._stacks[image]

    def _forget(self, edits: deque[Edit] | list[Edit]) -> None:
        self._held -= sum(_cost(e) for e in edits)


def _cost(edit: Edit) -> int:
    return OVERHEAD + edit.cost()
