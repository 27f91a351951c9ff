"""Actions on many photos: carried out on the store lane, undone as one step, after a restart too.

Knows the services and the notices; how steps are undone is ``many_steps``. Knows no gallery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.changes import Changes
from core.domain.bulk import BulkEdit
from core.domain.disease import Disease
from core.domain.ids import ImageId
from core.domain.image import ImageState, Split
from core.language import tr, trn
from core.services import bulk
from gui.context import Context
from gui.controllers.edits import Edits
from gui.controllers.many_steps import ManySteps
from gui.models.diseases import DiseaseList
from gui.notices import Level, Notice

if TYPE_CHECKING:
    from core.ports import ProjectStore


class BulkController(ManySteps):
    """``removed`` carries photos that were taken out, while the lists still show them."""

    removed = Signal(object)

    def __init__(
        self, context: Context, edits: Edits, diseases: DiseaseList, parent: QObject
    ) -> None:
        super().__init__(context, edits, parent)
        self._diseases = diseases

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

    def no_lesions(self, images: Sequence[ImageId]) -> None:
        """Healthy leaves. Photos with outlined lesions are left as they are, and it is said: one
        key must not take the outlines of many away.
        """
        healthy, drawn = self._diseases.healthy, set[ImageId]()

        def make(store: ProjectStore) -> BulkEdit:
            drawn.update(bulk.with_lesions(store, images))
            return bulk.no_lesions([i for i in images if i not in drawn], healthy)

        def marked() -> str:
            done = len(images) - len(drawn)
            text = trn("{n:,} photo has no lesions now.", "{n:,} photos have no lesions now.", done)
            return text if done else ""

        def said() -> None:
            if drawn:
                self._context.notices.warning(
                    trn(
                        "{n:,} photo with outlined lesions was left as it is: open it and press H.",
                        "{n:,} photos with outlined lesions were left as they are: open each and "
                        "press H.",
                        len(drawn),
                    )
                )

        self._act(make, marked, then=said)

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
            self.carry_out(work)

    def _act(
        self,
        make: Callable[[ProjectStore], BulkEdit],
        text: str | Callable[[], str],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """``text`` says what was done, a function of it where that is known only then; "" is not
        said.
        """
        made: list[BulkEdit] = []

        def work(store: ProjectStore) -> Changes:
            made.append(make(store))
            return store.bulk(made[-1])

        def taken() -> None:
            step, done = self.step(made[-1].action), text if isinstance(text, str) else text()
            if step is not None:
                undo = partial(self.take_back, step)
                self._context.notices.post(Notice(Level.SUCCESS, done, tr("Undo"), undo))
            elif done:  # they were so already
                self._context.notices.success(done)
            then()

        if self._context.project.writable:
            self.carry_out(work, taken)


def own_check_sentence(count: int = 1) -> str:
    """For whoever checks what they labelled themselves."""
    if count == 1:
        return tr("You labelled this photo yourself: ask a second person to check it.")
    return tr(
        "You labelled {count:,} of these yourself: ask a second person to check them.", count=count
    )
