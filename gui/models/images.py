"""The photos of the project as rows: ids in order, and what is known of each, fetched in pages.

The ids of all matches are held (8 bytes each), the cards of some thousand. Knows the store's
questions; knows no widget. Everything is asked on the store lane, nothing waits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from core.changes import Changes
from core.domain.ids import ImageId, RunId
from core.domain.image import ImageState
from core.ports import ImageCard, ImageQuery, ProjectStore
from gui.context import ProjectHolder

PAGE = 64
CARDS = 4096
AGAIN_MS = 2000
"""What could not be read is asked for again after so long: a drive that was away may be back."""

NOT_DONE = frozenset((ImageState.UNSEEN, ImageState.IN_PROGRESS))


class ImageIndex(QObject):
    """Rows 0 … n-1 of the photos that match ``query``.

    ``reset`` fires when the rows are others, ``cards_changed`` (a set of rows) when some can be
    drawn better. ``total`` is how many photos there are, whatever the query. A photo that no longer
    matches after an edit stays until the next ``refresh``: the list does not jump under the
    person's hand. ``troubled`` carries why something could not be read, each reason once; it is
    asked for again by itself.
    """

    reset = Signal()
    cards_changed = Signal(object)
    troubled = Signal(object)

    def __init__(self, project: ProjectHolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self.query = ImageQuery()
        self.loaded = False
        self.total = 0
        self._run: RunId | None = None
        self._ids: list[ImageId] = []
        self._rows: dict[ImageId, int] = {}
        self._cards: OrderedDict[ImageId, ImageCard] = OrderedDict()
        self._asked: set[int] = set()
        self._missed: set[int] = set()
        self._stale = False
        self._told: set[str] = set()
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._try_again)
        project.opened.connect(self._opened)
        project.changed.connect(self._changed)
        self._opened()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Sequence[ImageId]:
        """All rows, in order."""
        return self._ids

    def id(self, row: int) -> ImageId:
        return self._ids[row]

    def row(self, image: ImageId | None) -> int:
        """The row of a photo, or -1."""
        return -1 if image is None else self._rows.get(image, -1)

    def card(self, row: int) -> ImageCard | None:
        """What is known of a row; None while it is on its way."""
        card = self._cards.get(self._ids[row])
        if card is None:
            self._ask_page(row // PAGE)
        return card

    def next_open(self, image: ImageId | None, take: Callable[[ImageId | None], None]) -> None:
        """Call ``take`` with the first photo behind ``image`` that is neither done nor checked, or
        None: at once where its card is known, else when the project has been asked.
        """
        start = self.row(image) + 1
        for row in range(start, len(self)):
            card = self.card(row)
            if card is None:
                break
            if card.state in NOT_DONE:
                take(self.id(row))
                return
        states = self.query.states & NOT_DONE if self.query.states else NOT_DONE
        query = replace(self.query, states=states)

        def found(ids: list[ImageId]) -> None:
            # By where they are listed: the order on disk may be another by now.
            first = min((r for r in map(self.row, ids) if r >= start), default=None)
            take(None if first is None else self.id(first))

        self._project.ask(
            lambda store: store.image_ids(query) if states else [], on_done=found, owner=self
        )

    def set_query(self, query: ImageQuery) -> None:
        if query != self.query:
            self.query = query
            self.refresh()

    def refresh(self) -> None:
        """Ask for the rows anew."""
        query = self.query

        def question(store: ProjectStore) -> tuple[list[ImageId], int]:
            ids = store.image_ids(query)
            return ids, store.count(ImageQuery()) if query.filters else len(ids)

        asked = self._project.ask(
            question,
            on_done=lambda found: self._take_ids(query, *found),
            on_error=self._not_listed,
            owner=self,
        )
        if asked is None:
            self._take_ids(query, [], 0)

    def _opened(self) -> None:
        self._cards.clear()
        self._asked.clear()
        self._told.clear()
        self.query = ImageQuery()
        self.loaded = False
        self._ids, self._rows = [], {}
        self.reset.emit()
        self.refresh()

    def _take_ids(self, query: ImageQuery, ids: list[ImageId], total: int) -> None:
        if query != self.query:
            return
        if query.run != self._run:
            self._cards.clear()  # their Dice is another run's
            self._run = query.run
        self.total = total
        self._ids = ids
        self._rows = {image: row for row, image in enumerate(ids)}
        self._asked.clear()
        self.loaded = self._project.info is not None
        self.reset.emit()

    def _changed(self, changes: Changes) -> None:
        if changes.everything:
            self._cards.clear()
            self.refresh()
        elif changes.images:
            self._fetch([i for i in changes.images if i in self._cards])
            if any(i not in self._rows for i in changes.images) and not self.query.filters:
                self.refresh()

    def _ask_page(self, page: int) -> None:
        if page in self._asked:
            return
        self._asked.add(page)
        self._fetch(self._ids[page * PAGE : (page + 1) * PAGE], page)

    def _fetch(self, images: list[ImageId], page: int | None = None) -> None:
        if not images:
            return
        run = self.query.run

        def question(store: ProjectStore) -> list[ImageCard]:
            return store.cards(images, run)

        def done(cards: list[ImageCard]) -> None:
            if page is not None:
                self._asked.discard(page)
            self._take_cards(cards)

        def failed(error: BaseException) -> None:
            # What is known of photos that have changed is out of date.
            pages = {page} if page is not None else self._forget(images)
            self._not_read(error, pages)

        self._project.ask(question, on_done=done, on_error=failed, owner=self)

    def _forget(self, images: Iterable[ImageId]) -> set[int]:
        """The pages that are to be asked for again."""
        for image in images:
            self._cards.pop(image, None)
        return {self._rows[image] // PAGE for image in images if image in self._rows}

    def _not_listed(self, error: BaseException) -> None:
        self._stale = True
        self._not_read(error, set())

    def _not_read(self, error: BaseException, pages: set[int]) -> None:
        self._missed |= pages
        self._again.start()
        if str(error) not in self._told:
            self._told.add(str(error))
            self.troubled.emit(error)

    def _try_again(self) -> None:
        """Rows that are in sight are asked for as they are drawn, the others when they are."""
        pages, self._missed = self._missed, set()
        self._asked -= pages
        if self._stale:
            self._stale = False
            self.refresh()
        rows = {r for p in pages for r in range(p * PAGE, min((p + 1) * PAGE, len(self._ids)))}
        if rows:
            self.cards_changed.emit(rows)

    def _take_cards(self, cards: Iterable[ImageCard]) -> None:
        rows: set[int] = set()
        for card in cards:
            self._cards[card.id] = card
            self._cards.move_to_end(card.id)
            rows.add(self._rows.get(card.id, -1))
        while len(self._cards) > CARDS:
            self._cards.popitem(last=False)
        rows.discard(-1)
        if rows:
            self.cards_changed.emit(rows)
