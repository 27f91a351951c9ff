"""Rows of fields that are made anew under somebody's hands: what is being typed and the keyboard
stay where they were.

Knows fields and whose they are; knows no disease and no store.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtWidgets import QLineEdit, QWidget

Key = tuple[Hashable, int]
"""Whose field it is, and which of theirs."""


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was in a line while it was typed into; ``given`` was there before."""

    given: str
    text: str
    cursor: int
    selection: tuple[int, int]


class Rows:
    """The rows there are now. Each has the same number of fields."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, Sequence[QWidget]] = {}
        self._given: dict[Key, str] = {}

    def put(self, owner: Hashable, fields: Sequence[QWidget]) -> None:
        """One more row, in order, as it was made and before anybody types."""
        self._rows[owner] = fields
        for key, line in self._lines():
            self._given.setdefault(key, line.text())

    @contextmanager
    def made_anew(self, focus: QWidget | None) -> Iterator[None]:
        """Within, all rows are made again by ``put``; ``focus`` is what has the keyboard.

        The old fields say nothing any more: a line that loses the keyboard by being taken away
        would take half a word for a whole one.
        """
        at = self._key(focus)
        place = list(self._rows).index(at[0]) if at else 0
        typed = {
            key: _Typed(
                self._given[key],
                line.text(),
                line.cursorPosition(),
                (line.selectionStart(), line.selectionLength()),
            )
            for key, line in self._lines()
            if line.isModified()
        }
        for row in self._rows.values():
            for field in row:
                field.blockSignals(True)
        self._rows, self._given = {}, {}
        yield
        self._give_back(typed, at)
        if at is not None and self._rows:
            owners = list(self._rows)
            owner = at[0] if at[0] in self._rows else owners[min(place, len(owners) - 1)]
            field = self._rows[owner][at[1]]
            field.show()  # else it is shown a turn of the event loop later, and has no focus yet
            field.setFocus()
            if isinstance(field, QLineEdit) and (was := typed.get(at)) and field.isModified():
                field.setCursorPosition(was.cursor)
                if was.selection[0] >= 0:
                    field.setSelection(*was.selection)

    def _give_back(self, typed: dict[Key, _Typed], at: Key | None) -> None:
        for key, line in self._lines():
            was = typed.get(key)
            if was is None or line.text().casefold() == was.text.strip().casefold():
                continue
            # What was kept meanwhile stands, unless it is still being typed over.
            if key == at or line.text() == was.given:
                line.setText(was.text)
                line.setModified(True)

    def _lines(self) -> Iterator[tuple[Key, QLineEdit]]:
        for owner, row in self._rows.items():
            for place, field in enumerate(row):
                if isinstance(field, QLineEdit):
                    yield (owner, place), field

    def _key(self, widget: QWidget | None) -> Key | None:
        return next(
            (
                (owner, place)
                for owner, row in self._rows.items()
                for place, field in enumerate(row)
                if field is widget
            ),
            None,
        )
