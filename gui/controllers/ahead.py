"""What the assistant does before anybody asks: the next photos, and the part that is on the screen.

Tells the worker which photos come next in the gallery, where embeddings are kept, and what the
person has zoomed in on; hears how far it is. Knows the wire's words for this; draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.domain.ids import ImageId
from core.embeddings.store import FOLDER
from core.language import tr
from gui.context import Context
from gui.controllers.segment import Assistant

if TYPE_CHECKING:
    from core.ports import ProjectStore

PHOTOS = 3
"""As many as a person passes while the slowest engine looks at one or two."""
WAKE_MS = 2500
"""After this long with a photo the assistant wakes by itself: loading takes seconds, and the first
click should not. Passing through photos wakes nobody."""
REST_MS = 200
"""A view that has not moved for so long is one that the person works in."""
GIGABYTE = 1_000_000_000
BUDGET = "assistant.prepared_gigabytes"
EARLY = "assistant.wakes_early"

Neighbour = Callable[[ImageId, int], ImageId | None]


class Ahead(QObject):
    """``neighbour`` gives the photo so many rows further in the gallery. ``changed`` fires when
    ``status`` is another."""

    changed = Signal()

    def __init__(
        self, context: Context, assistant: Assistant, neighbour: Neighbour, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._assistant, self._neighbour = context, assistant, neighbour
        self._next: list[dict[str, str]] = []
        self._asked: list[ImageId] = []
        self._ready = self._of = 0
        self._wake = QTimer(self)
        self._wake.setSingleShot(True)
        self._wake.timeout.connect(self._wake_early)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._tell_view)
        assistant.awake.connect(self._woken)
        assistant.heard.connect(self._heard)
        assistant.changed.connect(self._changed)
        context.project.opened.connect(self._tell_folder)
        context.preferences.changed.connect(
            lambda key: self._tell_folder() if key == BUDGET else None
        )

    @property
    def status(self) -> str:
        """One quiet line; "" when there is nothing to say."""
        if not self._of or not self._assistant.is_awake:
            return ""
        if self._ready < self._of:
            return tr("Preparing the next photos…")
        return (
            tr("Ready for the next photo.")
            if self._of == 1
            else tr("Ready for the next {of} photos.", of=self._of)
        )

    def follow(self, image: ImageId | None) -> None:
        """Another photo is open."""
        if image is None:
            self._wake.stop()
        else:
            self._wake.start(WAKE_MS)
        found = [self._neighbour(image, n) for n in range(1, PHOTOS + 1)] if image else []
        self._asked = asked = [one for one in found if one is not None]
        self._next, self._ready, self._of = [], 0, 0
        self._context.project.ask(
            lambda store: _files(store, asked),
            on_done=lambda files: self._take(asked, files),
            on_error=lambda _error: None,  # said when the person gets there
            owner=self,
        )

    def view_moved(self) -> None:
        """The person has zoomed or panned; what is on the screen may be clicked on soon."""
        self._rest.start()

    def _wake_early(self) -> None:
        """A large model of the person's waits until it is wanted: it may need all the memory."""
        spec, early = self._assistant.choice.spec, self._context.preferences.get(EARLY)
        ours = spec is not None and not spec.needs_checkpoint
        if early and ours and self._context.project.writable and not self._assistant.problem:
            self._assistant.wake()

    def _take(self, asked: list[ImageId], files: list[dict[str, str]]) -> None:
        if asked == self._asked:
            self._next = files
            self._assistant.tell("ahead", photos=files)

    def _woken(self) -> None:
        self._tell_folder()
        if self._next:
            self._assistant.tell("ahead", photos=self._next)

    def _tell_folder(self) -> None:
        self._assistant.tell("keep", **where_kept(self._context))

    def _tell_view(self) -> None:
        view = self._assistant.view()
        if view is not None:
            self._assistant.tell("view", view=list(view))

    def _heard(self, event: dict[str, Any]) -> None:
        match event:
            case {"event": "ahead", "ready": int(ready), "of": int(of)}:
                self._ready, self._of = ready, of
                self.changed.emit()

    def _changed(self) -> None:
        if not self._assistant.is_awake:  # also what was said before another photo was opened
            self._ready = self._of = 0
            self.changed.emit()


def where_kept(context: Context) -> dict[str, Any]:
    """The project's folder of embeddings and how many bytes may be added, as the wire has it."""
    info = context.project.info
    if info is None:
        return {"folder": None, "budget": 0}
    allowed = 0 if info.read_only else context.preferences.number(BUDGET) * GIGABYTE
    return {"folder": str(info.folder / FOLDER), "budget": allowed}


def _files(store: ProjectStore, images: list[ImageId]) -> list[dict[str, str]]:
    found = [store.image(image) for image in images]
    return [{"path": str(store.resolve(one)), "sha256": one.sha256} for one in found]
