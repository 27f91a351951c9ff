"""What may stand in the way of a run, line by line, and the button that tries it.

Shows a `Rehearsal`. What needs a look comes first, each line with what to press; what is fine is
folded away. Knows lines and colours; knows no model.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.files import size_text
from core.language import tr, trn
from core.services.checks import Check, Level
from gui.glyph import Glyph
from gui.panels.bars import Bar, Bars
from gui.panels.pieces import Fold, button, column, label, row
from gui.panels.target_table import MARKS, TargetTable

if TYPE_CHECKING:
    from gui.controllers.rehearsal import Rehearsal
    from gui.theme import Theme

TARGETS = "targets."
"""How the ids of lines begin that are about what is trained."""
WORST_FIRST = (Level.FAIL, Level.WARN, Level.UNKNOWN)


class ChecksView(QWidget):
    """The inside of a card. ``try_wanted`` when the person presses the button."""

    try_wanted = Signal()

    def __init__(self, rehearsal: Rehearsal, theme: Theme) -> None:
        super().__init__()
        self._rehearsal, self._theme = rehearsal, theme
        self._busy = False
        self.summary = label("", "muted", wrap=True)
        self.press = button(tr("Rehearse"), self._pressed)
        self.press.setObjectName("train.rehearse")
        self.press.setToolTip(tr("Load the model for about a minute and try it on four leaves"))
        self.open, self.fine, self.sums = _Lines(theme), _Lines(theme), Bars(theme)
        self.parts = TargetTable(theme)
        self.learnt = QLabel()
        self.learnt.setTextFormat(Qt.TextFormat.RichText)
        self.learnt.setWordWrap(True)
        self.fold = Fold("", self.fine, theme=theme)
        self.trained = Fold(tr("What is trained, part by part"), self.parts, theme=theme)
        self.memory = Fold(tr("Memory, term by term"), self.sums, theme=theme)
        head = row(label(tr("Before you train"), "heading"), None, self.press)
        folds = (self.fold, self.trained, self.memory)
        self.setLayout(column(head, self.summary, self.open, self.learnt, *folds, spacing=8))
        rehearsal.changed.connect(self.refresh)
        theme.changed.connect(self.refresh)
        self.refresh()

    def set_busy(self, busy: bool) -> None:
        """Whether another run keeps the model's place."""
        self._busy = busy
        self.refresh()

    def refresh(self) -> None:
        found = self._rehearsal
        lines = [*found.data, *found.memory, *found.tried]
        wanting = [c for level in WORST_FIRST for c in lines if c.level is level]
        self.open.put(wanting)
        self.open.setVisible(bool(wanting))
        parts = [c for c in lines if c.id.startswith(TARGETS)]
        self.parts.put(parts)
        self.trained.setVisible(bool(parts))
        fine = [c for c in lines if c.level is Level.OK and c not in parts]
        self.fine.put(fine)
        self.fold.head.setText(
            trn("{n:,} thing is in order", "{n:,} things are in order", len(fine))
        )
        self.fold.setVisible(bool(fine))
        whole = sum(t.bytes for t in found.terms)
        self.sums.put([Bar(t.title, t.bytes / whole, size_text(t.bytes)) for t in found.terms])
        self.memory.setVisible(bool(found.terms))
        self.learnt.setText(self._coloured(found.spans))
        self.learnt.setVisible(bool(found.spans))
        self.summary.setText(found.sentence or self._said())
        self.press.setText(tr("Stop") if found.running else tr("Rehearse"))
        self.press.setEnabled(found.running or not self._busy)

    def _said(self) -> str:
        tried = self._rehearsal.tried
        if not tried and not self._rehearsal.data:
            return tr("Looking at the data…")
        if not tried:
            return tr(
                "The data and the memory have been looked at. A rehearsal loads the model and "
                "tries it on four leaves, which takes a minute or two."
            )
        if any(c.level is Level.FAIL for c in tried):
            return tr("The rehearsal found what would go wrong.")
        return tr("The rehearsal went well with these settings.")

    def _pressed(self) -> None:
        if self._rehearsal.running:
            self._rehearsal.stop()
        else:
            self.try_wanted.emit()

    def _coloured(self, spans: Sequence[tuple[str, bool]]) -> str:
        """The words that are learnt in the accent's colour, those around them muted."""
        tokens = self._theme.tokens
        parts = []
        for text, learnt in spans:
            # Where there is no space a line may end after a control token all the same.
            shown = html.escape(text.replace("\n", "↵"))
            shown = shown.replace("&gt;", "&gt;\u200b").replace("↵", "↵\u200b")
            colour = tokens.accent_strong if learnt else tokens.muted
            weight = "600" if learnt else "400"
            parts.append(f'<span style="color:{colour};font-weight:{weight}">{shown}</span>')
        head = html.escape(tr("What is learnt, in colour:"))
        body = f'<div style="white-space:pre-wrap">{"".join(parts)}</div>'
        return f"{head}{body}" if parts else ""


class _Lines(QWidget):
    """Checks one under the other: a mark, the title, what was found, what to press."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: list[Check] = []
        self._column: QVBoxLayout = column(spacing=6)
        self.setLayout(self._column)

    @property
    def texts(self) -> list[str]:
        """For whoever reads along: a title and what was found, a line each."""
        return [f"{c.title}: {c.text}" for c in self._shown]

    def put(self, checks: Sequence[Check]) -> None:
        if list(checks) == self._shown:
            return
        self._shown = list(checks)
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # until it goes it would be painted over the new ones
                widget.deleteLater()
        for check in checks:
            self._column.addWidget(self._line(check))

    def _line(self, check: Check) -> QWidget:
        name, token = MARKS[check.level]
        mark = Glyph(self._theme, name, token, side=18)
        said = label(f"{check.title}: {check.text}", wrap=True)
        words = column(said, spacing=1)
        if check.remedy:
            words.addWidget(label(check.remedy, "muted", wrap=True))
        made = row(mark, words)
        made.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        made.setStretch(1, 1)
        line = QWidget()
        line.setLayout(made)
        return line
