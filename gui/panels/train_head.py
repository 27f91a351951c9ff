"""Which mask head a run gets, how fine its masks can become, and where a SAM for it lies.

Three parts of a form, given out one by one; weights that served before are proposed again. Knows
`HeadChoice`s and a file dialog; opens no weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QWidget

from core.language import tr
from core.services import bases
from gui.controllers.train_survey import HeadChoice
from gui.file_dialog import file_dialog
from gui.panels.pieces import Elided, button, label, row

SUFFIXES = "*.safetensors *.pth *.pt"


class HeadParts:
    """``box`` chooses, ``note`` says what the choice costs, ``place`` asks for the weights."""

    def __init__(
        self, owner: QWidget, heads: Sequence[HeadChoice], changed: Callable[[], None]
    ) -> None:
        self._owner, self._changed = owner, changed
        self._heads = {head.id: head for head in heads}
        self.box = QComboBox()
        for head in heads:
            self.box.addItem(head.title, head.id)
        self.note = label("", "muted", wrap=True)
        self.note.setObjectName("train.head.note")
        self.path = ""
        self._shown = Elided("", "muted", middle=True)
        self.choose = button(tr("Choose the weights…"), self._ask)
        self.choose.setObjectName("train.head.choose")
        self.place = QWidget()
        self.place.setLayout(row(self.choose, self._shown))
        self.box.currentIndexChanged.connect(lambda _index: self.refresh())
        self.refresh()

    @property
    def head(self) -> HeadChoice | None:
        """The chosen one."""
        return self._heads.get(str(self.box.currentData()))

    def problems(self) -> list[str]:
        """What is missing for the chosen head, as sentences."""
        if self.head is None or not self.head.builds_on or self.path:
            return []
        return [
            tr(
                "The mask head “{title}” builds on another model. Under Advanced, press “Choose "
                "the weights…” for {what}.",
                title=self.head.title,
                what=self.head.builds_on,
            )
        ]

    def use(self, path: str) -> None:
        """Take the weights in ``path``, "" for none."""
        self._put(path)
        self._changed()

    def _put(self, path: str) -> None:
        self.path = path
        self._shown.setText(path)

    def refresh(self) -> None:
        """Say what the choice means."""
        head = self.head
        if head and head.builds_on and not self.path:
            self._put(bases.remembered(bases.head_note(head.id)))
        self.note.setText(head.ceiling if head else "")
        self.place.setVisible(bool(head and head.builds_on))
        self._changed()

    def _ask(self) -> None:
        dialog = file_dialog(self._owner, tr("Weights for the mask head"))
        dialog.setNameFilter(tr("Weights ({suffixes})", suffixes=SUFFIXES))
        dialog.fileSelected.connect(lambda name: self.use(str(Path(name))))
        dialog.open()
