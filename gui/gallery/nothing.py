"""What the gallery shows when its search and its filters leave no photo: which they are, and a way
back to all photos.

Knows a query and words; knows no list and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.language import number_text, tr, trn
from core.ports import ImageQuery, Range
from gui.direction import isolated
from gui.gallery.wording import SPLIT_TEXT, STATE_TEXT, VERDICT_TEXT
from gui.glyph import Glyph
from gui.panels.pieces import Elided, button, column, label
from gui.theme import Theme


def filters_of(query: ImageQuery, disease: str) -> Iterator[str]:
    """Each thing that is asked of a photo, in words; ``disease`` is what the wanted one is called.

    A name stands in its own direction, whatever the window's.
    """
    if query.text:
        yield tr("Search: “{text}”", text=isolated(query.text))
    if query.states:
        states = [text for state, text in STATE_TEXT.items() if state in query.states]
        yield tr("State: {text}", text=", ".join(states))
    if query.disease is not None or query.unnamed:
        name = tr("Not named") if query.unnamed else isolated(disease)
        yield tr("Disease: {name}", name=name)
    if query.group:
        yield tr("Group: {name}", name=isolated(query.group))
    yield from _rarer(query)


def _rarer(query: ImageQuery) -> Iterator[str]:
    if query.split is not None:
        yield tr("Part of training: {text}", text=dict(SPLIT_TEXT)[query.split])
    if query.outlined is not None:
        yield tr("Outlined") if query.outlined else tr("No outlines")
    if query.severity is not None:
        yield tr("Severity in %: {range}", range=_range(query.severity))
    if query.run is not None and query.dice is not None:
        yield tr("Dice of the run: {range}", range=_range(query.dice))
    if query.run is not None and query.verdict is not None:
        yield tr("Judged in Review: {text}", text=dict(VERDICT_TEXT)[query.verdict])
    if query.has_notes:
        yield tr("Has notes")
    if query.removed:
        yield tr("Removed photos")


def _range(wanted: Range) -> str:
    low, high = (number_text(value, "g") for value in wanted)
    return tr("{low} to {high}", low=low, high=high)


class Nothing(QWidget):
    """``lines`` are the filters that leave no photo; the button calls ``clear``."""

    def __init__(self, theme: Theme, clear: Callable[[], object]) -> None:
        super().__init__()
        self.lines: list[Elided] = []
        self.title = label("", "heading", wrap=True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.clear = button(tr("Clear filters"), clear, primary=True)
        mark = Glyph(theme, "mdi6.filter-outline", "muted", side=40)
        self._listed = column(spacing=2)
        whole = column(mark, self.title, self._listed, self.clear, None, spacing=10, margin=12)
        whole.insertSpacing(0, 24)
        for item in (mark, self.clear):
            whole.setAlignment(item, Qt.AlignmentFlag.AlignHCenter)
        self.setLayout(whole)

    def say(self, query: ImageQuery, disease: str, total: int) -> None:
        """None of ``total`` photos is as ``query`` wants it."""
        hidden = trn("{n:,} photo is hidden by:", "All {n:,} photos are hidden by:", total)
        self.title.setText(hidden)
        for line in self.lines:
            self._listed.removeWidget(line)
            line.hide()
            line.deleteLater()
        # A long name must not widen the gallery.
        self.lines = [Elided(text) for text in filters_of(query, disease)]
        for line in self.lines:
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._listed.addWidget(line)
