"""Which assistant outlines, what it is doing, and its proposal.

Knows the engine registry and the assistant's status; outlines nothing itself.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from gui.context import Context
from gui.controllers.ahead import Ahead
from gui.controllers.engine_choice import engines, weights_name
from gui.controllers.segment import Assistant
from gui.controllers.suggestions import Suggestions
from gui.panels.label_words import WordsLine
from gui.panels.pieces import Elided, label


class AssistantPanel(QWidget):
    """The engine's choice and one line of status."""

    def __init__(self, context: Context, assistant: Assistant, suggestions: Suggestions) -> None:
        super().__init__()
        self._suggestions = suggestions
        self._context, self._assistant = context, assistant
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Assistant"))
        for spec in engines().values():
            self.choice.addItem(spec.title, spec.id)
            self.choice.setItemData(self.choice.count() - 1, spec.note, 3)  # tool tip
        # A long name must not widen the panel.
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.activated.connect(lambda _i: self._chosen())
        self.weights = QPushButton(tr("Open weights…"))
        self.weights.clicked.connect(self._ask_weights)
        self.fetch = QPushButton(tr("Fetch weights…"))
        self.fetch.clicked.connect(self._ask_fetch)
        self._file = Elided("", "muted", middle=True)
        self.status = label("", "muted", wrap=True)
        self.ahead = Elided("", "muted")
        self.ahead.hide()
        self.accept = QPushButton(tr("Accept"))
        self.accept.setProperty("primary", True)
        self.drop = QPushButton(tr("Drop"))
        for button, action in ((self.accept, "candidate.accept"), (self.drop, "")):
            button.clicked.connect(context.actions[action].trigger if action else self._dropped)
        row = QHBoxLayout()
        row.addWidget(self.accept, 1)
        row.addWidget(self.drop, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(label(tr("Assistant"), "heading"), 1)
        self.finding = _find_menu(context)
        head.addWidget(self.finding)
        column.addLayout(head)
        column.addWidget(self.choice)
        column.addWidget(self.weights)
        column.addWidget(self.fetch)
        column.addWidget(self._file)
        self.words = WordsLine(context, suggestions)
        column.addWidget(self.words)
        column.addWidget(self.status)
        column.addWidget(self.ahead)
        column.addLayout(row)
        assistant.changed.connect(self.follow)
        suggestions.changed.connect(self.follow)
        self.follow()

    def follow(self) -> None:
        spec = self._assistant.choice.spec
        self.choice.setCurrentIndex(self.choice.findData(self._assistant.choice.engine))
        needs = spec is not None and spec.needs_checkpoint
        self.weights.setVisible(needs)
        self.fetch.setVisible(needs and not self._assistant.choice.checkpoint)
        self.words.follow(spec)
        self._file.setVisible(needs and bool(self._assistant.choice.checkpoint))
        self.status.setText(self._suggestions.status or self._assistant.status)
        ready = self._assistant.candidate is not None or self._suggestions.current is not None
        self._file.setText(weights_name(self._assistant.choice.checkpoint))
        self.accept.setVisible(ready)
        self.drop.setVisible(ready)

    def show_ahead(self, ahead: Ahead) -> None:
        """How far the next photos are, in a line of its own from now on."""

        def show() -> None:
            self.ahead.setText(ahead.status)
            self.ahead.setVisible(bool(ahead.status))

        ahead.changed.connect(show)
        show()

    def _dropped(self) -> None:
        """The button stands for one suggestion, Esc for all of them."""
        if self._assistant.candidate is None and self._suggestions.current is not None:
            self._suggestions.reject()
        else:
            self._context.actions["candidate.cancel"].trigger()

    def _chosen(self) -> None:
        engine, choice = self.choice.currentData(), self._assistant.choice
        needs = engines()[engine].needs_checkpoint
        file = choice.file_of(engine) if needs else choice.checkpoint
        self._assistant.choose(engine, file)
        if needs and not file:
            self._ask_weights()

    def _ask_weights(self) -> None:
        dialog = QFileDialog(self.window(), tr("Weights of the assistant"))
        dialog.setNameFilters([tr("Weights (*.pth *.pt *.safetensors)"), tr("All files (*)")])
        dialog.setDirectory(self._context.preferences.last_folder("weights"))
        dialog.fileSelected.connect(self._opened)
        dialog.open()

    def _ask_fetch(self) -> None:
        from gui.dialogs.weights import WeightsDialog

        dialog = WeightsDialog(self._context, self._assistant.choice.engine, self.window())
        dialog.wanted.connect(self._use)
        dialog.open()

    def _use(self, engine: str, path: str) -> None:
        self._assistant.choose(engine, path)
        self._assistant.wake()

    def _opened(self, name: str) -> None:
        self._context.preferences.put_last_folder("weights", Path(name).parent)
        self._assistant.choose(self.choice.currentData(), name)
        self._assistant.wake()  # a file that is no use is said now, not with the first click


def _find_menu(context: Context) -> QPushButton:
    """The button with everything that is outlined without a click."""
    find = QPushButton(tr("Find"))
    find.setAccessibleName(tr("Find without a click"))
    menu = QMenu(find)
    for action in ("find.leaf", "find.everything", "find.alike", "find.words", "find.model"):
        menu.addAction(context.actions[action])
    find.setMenu(menu)
    find.setToolTip(tr("Let the assistant, or a model you trained, outline without a click"))
    return find
