"""Which assistant outlines, what it is doing, and its proposal.

Knows the engine registry and the assistant's status; outlines nothing itself.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from core.engines.base import EngineSpec, PromptKind
from core.language import tr
from gui.context import Context
from gui.controllers.ahead import Ahead
from gui.controllers.asked import finds
from gui.controllers.engine_choice import engines, stand_in_for, weights_name
from gui.controllers.segment import Assistant
from gui.controllers.suggestions import Suggestions
from gui.controllers.wording import found_line, proposed_line
from gui.file_dialog import file_dialog
from gui.keys_shown import Menu
from gui.panels.label_words import WordsLine
from gui.panels.pieces import Elided, column, label, row
from gui.panels.steady_line import EitherPlace, SteadyLine
from gui.plain import plain_tip

FEW, MANY = 3, 88
"""As many outlines as a click proposes, and as a search finds, where their line is longest."""


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
        self.status = SteadyLine(
            [
                say
                for kind in (True, False)
                for say in (
                    found_line(MANY, MANY, leaf=kind),
                    proposed_line(FEW, FEW, better=kind),
                )
            ]
        )
        self.ahead = Elided("", "muted")
        self._below = self._taking()
        self.finding = _find_menu(context)
        self.words = WordsLine(context, suggestions)
        head = row(label(tr("Assistant"), "heading"), self.finding)
        head.setStretch(0, 1)
        self.setLayout(
            column(
                head, self.choice, self.weights, self.fetch, self._file, self.words, self.status,
                self._below, spacing=6,
            )
        )  # fmt: skip
        assistant.changed.connect(self.follow)
        suggestions.changed.connect(self.follow)
        self.follow()

    def _taking(self) -> EitherPlace:
        """Accept and Drop, or what is being prepared: the panel keeps still when they come."""
        self.accept = QPushButton(tr("Accept"))
        self.accept.setProperty("primary", True)
        self.drop = QPushButton(tr("Drop"))
        accept = self._context.actions["candidate.accept"]
        self.accept.clicked.connect(accept.trigger)
        self.drop.clicked.connect(self._dropped)
        ahead, both = QWidget(), QWidget()
        ahead.setLayout(column(self.ahead, None))
        both.setLayout(row(self.accept, self.drop, spacing=6))
        return EitherPlace(ahead, both)

    def follow(self) -> None:
        spec = self._assistant.choice.spec
        self.choice.setCurrentIndex(self.choice.findData(self._assistant.choice.engine))
        needs = spec is not None and spec.needs_checkpoint
        self.weights.setVisible(needs)
        self.fetch.setVisible(needs and not self._assistant.choice.checkpoint)
        self.words.follow(spec)
        self.finding.setToolTip(plain_tip(_finding_tip(spec)))
        self._file.setVisible(needs and bool(self._assistant.choice.checkpoint))
        self.status.setText(self._suggestions.status or self._assistant.status)
        ready = self._assistant.candidate is not None or self._suggestions.current is not None
        self._file.setText(weights_name(self._assistant.choice.checkpoint))
        self._below.show_second(ready)

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
        dialog = file_dialog(self.window(), tr("Weights of the assistant"))
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


def _finding_tip(spec: EngineSpec | None) -> str:
    """What the button is for, and who finds what the chosen assistant cannot."""
    tip = tr("Let the assistant, or a model you trained, outline without a click")
    other = stand_in_for(PromptKind.EVERYTHING)
    if spec is None or other is None or finds(PromptKind.EVERYTHING, spec):
        return tip
    helped = tr("“{other}” finds what “{title}” cannot.", other=other.title, title=spec.title)
    return f"{tip}\n{helped}"


def _find_menu(context: Context) -> QPushButton:
    """The button with everything that is outlined without a click."""
    find = QPushButton(tr("Find"))
    find.setAccessibleName(tr("Find without a click"))
    menu = Menu(find)
    for action in ("find.leaf", "find.everything", "find.alike", "find.words", "find.model"):
        menu.addAction(context.actions[action])
    find.setMenu(menu)
    return find
