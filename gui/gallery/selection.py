"""Which photos are selected, as file managers do it: click, Ctrl, Shift, Ctrl+A, rubber band.

Knows rows of the index and ids; knows no widget. Ids are kept, so that a selection survives a new
order; photos that are no longer listed leave it.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from core.domain.ids import ImageId
from gui.models.images import ImageIndex


class Selection(QObject):
    """``changed`` fires when other photos are selected."""

    changed = Signal()

    def __init__(self, index: ImageIndex, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._index = index
        self._ids: set[ImageId] = set()
        self._anchor: ImageId | None = None
        self._end: ImageId | None = None
        index.reset.connect(self._keep_listed)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, image: object) -> bool:
        return image in self._ids

    @property
    def ids(self) -> tuple[ImageId, ...]:
        """In the order of the list."""
        return tuple(sorted(self._ids, key=self._index.row))

    @property
    def end(self) -> int:
        """The row that the last Shift or click ended at, or -1."""
        return self._index.row(self._end)

    def only(self, image: ImageId | None) -> None:
        """A plain click, or another photo opened by key."""
        self._anchor = self._end = image
        self._put(() if image is None else (image,))

    def toggle(self, row: int) -> None:
        """Ctrl+click."""
        self._anchor = self._end = self._index.id(row)
        self._put(self._ids ^ {self._index.id(row)})

    def extend(self, row: int, *, add: bool = False) -> None:
        """Shift+click: from the last plain or Ctrl click to here; ``add`` keeps the others."""
        start = self._index.row(self._anchor)
        start = row if start < 0 else start
        self._end = self._index.id(row)
        low, high = min(start, row), max(start, row)
        self.take(range(low, high + 1), add=add)

    def take(self, rows: Iterable[int], *, add: bool = False) -> None:
        """Exactly these rows, or these as well."""
        found = {self._index.id(row) for row in rows}
        self._put(self._ids | found if add else found)

    def all(self) -> None:
        """Ctrl+A: everything that is listed, in sight or not."""
        self.take(range(len(self._index)))

    def _put(self, ids: Iterable[ImageId]) -> None:
        wanted = set(ids)
        if wanted != self._ids:
            self._ids = wanted
            self.changed.emit()

    def _keep_listed(self) -> None:
        self._put(i for i in self._ids if self._index.row(i) >= 0)
