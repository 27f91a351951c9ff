"""The card that takes a run's adapter away: steps with ticks, what is inside, how to use it.

Knows `AdapterExport`; copies nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QWidget

from core.domain.ids import RunId
from core.domain.run import Run
from core.files import at_home, is_there
from core.language import tr
from gui.context import Context
from gui.controllers import wording
from gui.controllers.export import AdapterStep, inside
from gui.file_dialog import file_dialog
from gui.glyph import Glyph
from gui.panels.pieces import Elided, Problems, button, card, column, label, row

if TYPE_CHECKING:
    from core.services.export import AdapterExport
    from core.services.export_merged import MergedExport

PURPOSE = "exports"
ICONS = {
    "waiting": ("mdi6.circle-outline", "muted"),
    "busy": ("mdi6.progress-clock", "accent"),
    "done": ("mdi6.check-circle", "ok"),
    "failed": ("mdi6.close-circle", "danger"),
}
STATES = {
    "waiting": tr("waiting"),
    "busy": tr("under way"),
    "done": tr("done"),
    "failed": tr("failed"),
}


class AdapterCard(QWidget):
    """``export_wanted`` carries (Run id, Path)."""

    export_wanted = Signal(object, object, object)
    """(run, folder of the adapter, folder of the merged model or None)."""
    run_chosen = Signal(object)
    open_wanted = Signal(object)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._busy = False
        self.runs = QComboBox()
        self.runs.setAccessibleName(tr("Run"))
        self.place = QLineEdit()
        self.merged = QCheckBox(tr("The merged model as well: base and adapter in one"))
        self.merged.setToolTip(
            tr("For programs that open the base model; a folder as large as that one.")
        )
        self.go = button(tr("Export the adapter"), self._go, primary=True)
        self.steps = Steps(context)
        self.outcome = label("", wrap=True)
        self.problems = Problems(context.theme)
        self.contents = Contents()
        self.snippet = Snippet()
        self.open = button(tr("Open the folder"), lambda: self.open_wanted.emit(self.made))
        self.made: Path | None = None
        self._assemble()
        self._forget()

    def _assemble(self) -> None:
        self.runs.setAccessibleName(tr("Run"))
        self.runs.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.runs.activated.connect(lambda _index: self._run_changed())
        self.place.setAccessibleName(tr("Folder of the adapter"))
        self.place.textEdited.connect(lambda _text: self._forget())
        self.open.setIcon(self._context.theme.icon("mdi6.folder-open-outline"))
        about = tr(
            "A folder with everything that was learnt. It works on any computer with Leafspot and "
            "the same base model, and holds none of your photos nor their names."
        )
        where = row(self.place, button(tr("Choose…"), self._choose))
        self.setLayout(
            column(
                card(
                    label(tr("The trained model"), "heading"),
                    label(about, "muted", wrap=True),
                    self.runs,
                    where,
                    self.merged,
                    row(self.go, None),
                    self.problems,
                    self.steps,
                    self.outcome,
                    self.contents,
                    self.snippet,
                    row(self.open, None),
                )
            )
        )

    @property
    def run(self) -> RunId | None:
        return RunId(self.runs.currentData()) if self.runs.currentData() else None

    def put_runs(self, runs: Sequence[Run], current: RunId | None) -> None:
        """Runs with an adapter, newest first."""
        before = self.run
        self.runs.clear()
        for run in runs:
            self.runs.addItem(wording.run_line(run), run.id)
        ids = [r.id for r in runs]
        if ids:
            self.runs.setCurrentIndex(ids.index(current) if current in ids else 0)
        if self.run != before:
            self._run_changed(tell=False)

    def begin(self) -> None:
        """The export goes on."""
        self._busy = True
        self.made = None
        self._show(done=None)
        self.steps.begin(merged=self.merged.isChecked())

    def step(self, step: AdapterStep) -> None:
        self.steps.reach(step)

    def succeed(self, done: tuple[AdapterExport, MergedExport | None]) -> None:
        """Reloaded and scored again: now the ticks are true."""
        made, merged = done
        self._busy, self.made = False, made.path
        self.steps.finish()
        found = made.verified
        self.outcome.setText(
            tr(
                "The copy was reloaded from its own files and gave the same answers: "
                "{percent} of the diseases agree, the largest change of a Dice is "
                "{dice_change:.3f}.",
                percent=wording.percent(found.agreement),
                dice_change=found.dice_change,
            )
        )
        if merged is not None:
            self.outcome.setText(f"{self.outcome.text()} {_of_merged(merged)}")
        self.contents.put(inside([*made.manifest.files, "manifest.json"]))
        self.snippet.put(tr('leafspot predict "{path}" photo.jpg --out results', path=made.path))
        self._show(done=made)

    def fail(self, sentence: str) -> None:
        """Nothing was written."""
        self._busy = False
        self.steps.fail()
        self._show(done=None)
        self.problems.put([sentence])

    def _show(self, done: AdapterExport | None) -> None:
        for widget in (self.outcome, self.contents, self.snippet, self.open):
            widget.setVisible(done is not None)
        self.problems.put([])
        self.go.setEnabled(not self._busy and self.run is not None and bool(self.place.text()))

    def _forget(self) -> None:
        """Another run or place: what is shown below would be about the one before."""
        if not self._busy:
            self.made = None
            self.steps.hide()
            self._show(done=None)

    def _run_changed(self, *, tell: bool = True) -> None:
        run = self.run
        info = self._context.project.info
        if run is not None and info is not None:
            folder = Path(self._context.preferences.last_folder(PURPOSE))
            self.place.setText(
                str(free_name(folder / tr("{name} adapter {run}", name=info.name, run=run)))
            )
        self._forget()
        if tell and run is not None:
            self.run_chosen.emit(run)

    def _choose(self) -> None:
        dialog = file_dialog(self, tr("Folder for the adapter"), folders=True)
        dialog.setDirectory(self._context.preferences.last_folder(PURPOSE))
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, name: str) -> None:
        folder = Path(name)
        self._context.preferences.put_last_folder(PURPOSE, folder)
        self.place.setText(str(free_name(folder / Path(self.place.text()).name)))
        self._forget()

    def _go(self) -> None:
        if self.run is not None:
            out = at_home(self.place.text())
            merged = free_name(out.with_name(tr("{name} merged", name=out.name)))
            self.export_wanted.emit(self.run, out, merged if self.merged.isChecked() else None)


def _of_merged(merged: MergedExport) -> str:
    return tr(
        "The merged model is in “{name}”; reloaded, {percent} of the diseases agree, and a Dice "
        "changes by at most {dice_change:.3f}.",
        name=merged.path.name,
        percent=wording.percent(merged.verified.agreement),
        dice_change=merged.verified.dice_change,
    )


def free_name(path: Path) -> Path:
    """``path``, or with “ 2”, “ 3”, … behind it, whichever is not there yet."""
    found, number = path, 1
    while is_there(found):
        number += 1
        found = path.with_name(f"{path.name} {number}")
    return found


class Steps(QWidget):
    """One line a step, with a mark that says how far it is."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._theme = context.theme
        self.states = dict.fromkeys(AdapterStep, "waiting")
        self._marks: dict[AdapterStep, Glyph] = {}
        self._lines: dict[AdapterStep, QWidget] = {}
        for step in AdapterStep:
            self._marks[step] = Glyph(self._theme, side=18)
            self._lines[step] = QWidget()
            self._lines[step].setLayout(row(self._marks[step], label(step.value), None))
        self.setLayout(column(*self._lines.values(), spacing=6))

    def begin(self, *, merged: bool) -> None:
        self.states = dict.fromkeys(AdapterStep, "waiting")
        self._lines[AdapterStep.MERGE].setVisible(merged)
        self.show()
        self._paint()

    def reach(self, step: AdapterStep) -> None:
        """``step`` has begun, so those before it are done."""
        order = list(AdapterStep)
        for each in order:
            passed = order.index(each) < order.index(step)
            self.states[each] = "done" if passed else "busy" if each is step else "waiting"
        self._paint()

    def finish(self) -> None:
        self.states = dict.fromkeys(AdapterStep, "done")
        self._paint()

    def fail(self) -> None:
        self.states = {s: "failed" if v == "busy" else v for s, v in self.states.items()}
        self._paint()

    def _paint(self) -> None:
        for step, state in self.states.items():
            icon, tone = ICONS[state]
            self._marks[step].put(icon, tone)
            self._marks[step].setAccessibleName(f"{step.value}: {STATES[state]}")


class Contents(QWidget):
    """File names and what each is for."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 4)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)

    def put(self, lines: list[tuple[str, str]]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._grid.addWidget(label(tr("What is inside"), "heading"), 0, 0, 1, 2)
        for index, (name, meaning) in enumerate(lines, 1):
            self._grid.addWidget(label(name), index, 0)
            self._grid.addWidget(Elided(meaning, "muted"), index, 1)


class Snippet(QWidget):
    """A command to copy."""

    def __init__(self) -> None:
        super().__init__()
        self.text = QLineEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(tr("Command that uses the adapter"))
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.copy = button(
            tr("Copy"), lambda: QGuiApplication.clipboard().setText(self.text.text())
        )
        heading = label(tr("Use it on new photos, in a terminal"), "heading")
        self.setLayout(column(heading, row(self.text, self.copy), spacing=6))

    def put(self, text: str) -> None:
        self.text.setText(text)
        self.text.setCursorPosition(0)
