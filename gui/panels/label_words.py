"""The line where a person writes what to find; there while the assistant is asked in words.

Knows the suggestions that are asked; knows no engine but by what it declares.
"""

from __future__ import annotations

from PySide6.QtCore import Qt

from core.engines.base import EngineSpec, PromptKind
from core.language import tr
from gui.context import Context
from gui.controllers.suggestions import Suggestions
from gui.panels.typed_line import TypedLine

LONGEST = 100
"""Characters; assistants read some thirty pieces of words."""


class WordsLine(TypedLine):
    """Enter asks. ``left`` fires when the person has asked or given up: keys are for the photo."""

    def __init__(self, context: Context, suggestions: Suggestions) -> None:
        super().__init__()
        self._context, self._suggestions = context, suggestions
        self.setAccessibleName(tr("What to find"))
        self.setPlaceholderText(tr("Find by name: dark spot"))
        self.setToolTip(
            tr("Name what the assistant shall find on this photo, in English, and press Enter")
        )
        self.setMaxLength(LONGEST)
        self.setClearButtonEnabled(True)
        self.returnPressed.connect(self._ask)
        context.actions.on("find.words", self._begin)

    def follow(self, spec: EngineSpec | None) -> None:
        """Another engine, maybe: the line and its action are there where it declares words."""
        able = spec is not None and PromptKind.TEXT in spec.prompts
        self.setVisible(able)
        self.setEnabled(self._context.project.writable)
        self._context.actions.set_flag("words", able)
        self._context.actions["find.words"].setVisible(able)

    def _begin(self) -> None:
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def _ask(self) -> None:
        words = self.text().strip()
        if words:
            self._suggestions.find(PromptKind.TEXT, words)
            self.left.emit()
