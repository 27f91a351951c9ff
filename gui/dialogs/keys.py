"""The sheet of keys: every action with its keys, by menu, searched as one types.

Drawn from the action table and from nothing else, so that it cannot be out of date. Knows the
table; knows no workspace.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from gui.actions import HAND, MENUS, Actions
from gui.context import Context
from gui.keys_shown import written
from gui.panels.pieces import column, label, row, scrolled

COLUMNS = 3
SIZE = (1080, 680)
ON_THE_PHOTO = tr("Hands on the photo")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sheet; ``keys`` as this system writes them, or the menu where to find it."""

    group: str
    text: str
    keys: tuple[str, ...]
    menu: str = ""

    def matches(self, words: Iterable[str]) -> bool:
        """Whether each of ``words`` is in it, in any case; a key is found by its name."""
        own = " ".join((self.group, self.text, *self.keys)).casefold()
        return all(word in own for word in words)


def sheet(actions: Actions) -> list[Line]:
    """Every action of the table and what hands do on the photo, group by group."""
    found = []
    for spec in actions.specs:
        keys = tuple(written(text) for text in spec.shortcuts)
        # What has no menu is named anew by who knows more: digits carry their disease's name.
        text = spec.text if spec.menu else actions[spec.id].text().replace("&&", "&")
        group = spec.sheet or spec.menu
        group = MENUS.get(group, group)
        found.append(
            Line(group, text.rstrip("…"), keys, "" if keys else tr("{menu} menu", menu=group))
        )
    order = dict.fromkeys((*MENUS.values(), *(line.group for line in found)))
    found.sort(key=lambda line: list(order).index(line.group))
    return found + [Line(ON_THE_PHOTO, what, (hand,)) for hand, what in HAND]


class KeysDialog(QDialog):
    """The sheet. Typing searches at once."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*SIZE)
        self.lines = sheet(context.actions)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search: what you want to do, or a key"))
        self.search.setAccessibleName(tr("Search the keys"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self._nothing = label(tr("No key does that. Try another word."), "muted")
        self._body = QVBoxLayout()
        body = QWidget()
        body.setLayout(self._body)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        area = scrolled(body)
        area.setAccessibleName(tr("Keys"))
        whole = QVBoxLayout(self)
        whole.setSpacing(10)
        whole.addWidget(self.search)
        whole.addWidget(self._nothing)
        whole.addWidget(area, 1)
        whole.addWidget(buttons)
        self._fill("")

    def _fill(self, text: str) -> None:
        words = text.casefold().split()
        shown = [line for line in self.lines if line.matches(words)]
        while (item := self._body.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._nothing.setVisible(not shown)
        page = QWidget()
        page.setLayout(row(*(column(*parts, None, spacing=10) for parts in _laid_out(shown)),
                           spacing=14))  # fmt: skip
        for place in range(COLUMNS):
            page.layout().setStretch(place, 1)  # type: ignore[union-attr]
        self._body.addWidget(page)
        self._body.addStretch(1)


def _laid_out(lines: list[Line]) -> list[list[QWidget]]:
    """The groups as cards in columns of about equal height, in their order."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.group, []).append(line)
    columns: list[list[QWidget]] = [[] for _ in range(COLUMNS)]
    heights = [0] * COLUMNS
    for group, found in groups.items():
        shortest = heights.index(min(heights))
        columns[shortest].append(_card(group, found))
        heights[shortest] += len(found) + 2
    return columns


def _card(group: str, lines: list[Line]) -> QFrame:
    made = QFrame()
    made.setObjectName("card")
    made.setLayout(column(label(group, "heading"), *map(_row, lines), spacing=5, margin=12))
    return made


def _row(line: Line) -> QWidget:
    made = QWidget()
    text = label(line.text, wrap=True)
    caps: list[QLabel] = [label(key, "key") for key in line.keys] or [label(line.menu, "muted")]
    made.setLayout(row(text, *caps, spacing=5))
    made.layout().setStretch(0, 1)  # type: ignore[union-attr]
    for cap in caps:
        made.layout().setAlignment(cap, Qt.AlignmentFlag.AlignTop)  # type: ignore[union-attr]
    return made
