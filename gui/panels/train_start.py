"""Where a run starts from, and which stages follow it: two lines of the setup.

Knows runs and stages; starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from core.domain.run import Run, RunState
from core.language import tr
from core.training.config import Stage
from gui.context import Context
from gui.controllers import wording
from gui.controllers.programme import STAGES
from gui.file_dialog import file_dialog
from gui.panels.pieces import Elided, chip, column, label, row
from gui.plain import plain_tip

BASE, OWN = "", "own"
USABLE = (RunState.FINISHED, RunState.STOPPED)


class StartFrom(QWidget):
    """The untuned base, a run's adapter, or a folder of the person's own."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._runs: dict[str, Run] = {}
        self._before = BASE
        self.adapter: Path | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Start from"))
        self.choice.setObjectName("train.from")
        self.folder = Elided("", "muted", middle=True)
        self.folder.hide()
        self.choice.activated.connect(lambda _index: self._chosen())
        self.setLayout(column(self.choice, self.folder, spacing=6))
        self.put([])

    @property
    def parent_run(self) -> Run | None:
        """The run whose adapter is continued."""
        return self._runs.get(str(self.choice.currentData()))

    def put(self, runs: Sequence[Run]) -> None:
        """The project's runs; a choice that is still there stays."""
        now = str(self.choice.currentData() or BASE)
        self._runs = {str(r.id): r for r in runs if r.state in USABLE}
        self.choice.clear()
        self.choice.addItem(tr("The base model, untuned"), BASE)
        for id_, run in self._runs.items():
            self.choice.addItem(wording.run_line(run), id_)
        self.choice.addItem(tr("An adapter of your own…"), OWN)
        if now == OWN and self.adapter is None:
            now = BASE
        self.choice.setCurrentIndex(max(0, self.choice.findData(now)))

    def choose_folder(self, folder: Path) -> None:
        """Start from the exported adapter in ``folder``."""
        self.adapter = folder
        self._before = OWN
        self.choice.setCurrentIndex(self.choice.findData(OWN))
        self.folder.setText(str(folder))
        self.folder.show()
        self._context.preferences.put_last_folder("adapters", folder.parent)

    def _chosen(self) -> None:
        now = str(self.choice.currentData())
        if now != OWN:
            self.adapter, self._before = None, now
            self.folder.hide()
            return
        # Until a folder is chosen, nothing has changed.
        self.choice.setCurrentIndex(max(0, self.choice.findData(self._before)))
        dialog = file_dialog(self, tr("Folder of the adapter"), folders=True)
        dialog.setDirectory(self._context.preferences.last_folder("adapters"))
        dialog.fileSelected.connect(lambda name: self.choose_folder(Path(name)))
        dialog.open()


class Then(QWidget):
    """The later stages as chips, none of them pressed at first."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.chips: dict[Stage, QPushButton] = {}
        self.note = label("", "muted", wrap=True)
        self.note.hide()
        choices = row(spacing=8)
        for stage, title, note in STAGES:
            made = chip(title, self._pressed)
            made.setToolTip(plain_tip(note))
            made.setObjectName(f"train.then.{stage}")
            self.chips[stage] = made
            choices.addWidget(made)
        choices.addStretch(1)
        self.setLayout(column(choices, self.note, spacing=6))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which they follow."""
        return tuple(stage for stage, made in self.chips.items() if made.isChecked())

    def _pressed(self) -> None:
        notes = [note for stage, _, note in STAGES if self.chips[stage].isChecked()]
        self.note.setText("\n".join(notes))
        self.note.setVisible(bool(notes))
        self.changed.emit()
