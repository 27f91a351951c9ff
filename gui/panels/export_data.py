"""The card that takes the labels away in a format of the registry.

Says what the format cannot hold before anything is written. Knows formats; writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLineEdit, QProgressBar, QWidget

from core.exporters.base import ExporterSpec
from core.files import at_home
from core.language import tr, trn
from gui.context import Context
from gui.controllers.photo_choice import Choice
from gui.file_dialog import file_dialog
from gui.panels.export_adapter import PURPOSE, free_name
from gui.panels.pieces import Problems, button, card, column, label, row

if TYPE_CHECKING:
    from core.exporters.base import ExportReport


class DataCard(QWidget):
    """``export_wanted`` carries (format id, Path)."""

    export_wanted = Signal(str, object)
    open_wanted = Signal(object)

    def __init__(self, context: Context, formats: Sequence[ExporterSpec]) -> None:
        super().__init__()
        self._context = context
        self._formats = {f.id: f for f in formats}
        self._busy = False
        self.made: Path | None = None
        self.format = QComboBox()
        self.format.setAccessibleName(tr("Format"))
        self.loses = label("", "muted", wrap=True)
        self.photos = QComboBox()
        self.photos.setAccessibleName(tr("Photos"))
        self.photos.setToolTip(tr("All photos, or those listed or selected in the gallery"))
        self.places = QCheckBox(tr("Tell where (GPS) and when photos were taken"))
        self.place = QLineEdit()
        self.go = button(tr("Export the labels"), self._go, primary=True)
        self.bar = QProgressBar()
        self.outcome = label("", wrap=True)
        self.problems = Problems(context.theme)
        self.open = button(tr("Open the folder"), lambda: self.open_wanted.emit(self.made))
        for each in formats:
            self.format.addItem(each.title, each.id)
        self._assemble()
        self.offer({})

    def _assemble(self) -> None:
        self.format.setAccessibleName(tr("Format"))
        self.format.currentIndexChanged.connect(lambda _index: self.propose())
        self.photos.activated.connect(lambda _index: self._forget())
        self.place.setAccessibleName(tr("Where the labels go"))
        self.place.textEdited.connect(lambda _text: self._forget())
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.open.setIcon(self._context.theme.icon("mdi6.folder-open-outline"))
        self.setLayout(
            column(
                card(
                    label(tr("The labels"), "heading"),
                    self.format,
                    self.loses,
                    self.photos,
                    self.places,
                    row(self.place, button(tr("Choose…"), self._choose)),
                    row(self.go, None),
                    self.bar,
                    self.problems,
                    self.outcome,
                    row(self.open, None),
                )
            )
        )

    @property
    def spec(self) -> ExporterSpec | None:
        return self._formats.get(str(self.format.currentData()))

    @property
    def choice(self) -> Choice:
        """Which photos are exported."""
        return Choice(self.photos.currentData())

    def offer(self, counts: Mapping[Choice, int]) -> None:
        """What can be exported, with how many photos each is; the choice stays where it can."""
        before = Choice(self.photos.currentData() or Choice.ALL)
        self.photos.clear()
        self.photos.addItem(tr("All photos"), Choice.ALL.value)
        if listed := counts.get(Choice.LISTED, 0):
            text = trn("{n:,} photo listed in the gallery", "{n:,} photos listed in the gallery",
                       listed)  # fmt: skip
            self.photos.addItem(text, Choice.LISTED.value)
        if selected := counts.get(Choice.SELECTED, 0):
            text = trn("{n:,} photo selected in the gallery",
                       "{n:,} photos selected in the gallery", selected)  # fmt: skip
            self.photos.addItem(text, Choice.SELECTED.value)
        self.photos.setCurrentIndex(max(0, self.photos.findData(before.value)))

    def propose(self) -> None:
        """A place for the format and the project in front."""
        info, spec = self._context.project.info, self.spec
        self.loses.setText(spec.loses if spec else "")
        self.places.setVisible(spec is not None and spec.places)
        if info is not None and spec is not None:
            folder = Path(self._context.preferences.last_folder(PURPOSE))
            name = (
                tr("{name} labels{suffix}", name=info.name, suffix=spec.suffix)
                if spec.suffix
                else f"{info.name} {spec.id}"
            )
            # A file may be replaced by a newer export of its project; a folder may not.
            path = folder / name
            self.place.setText(str(path if spec.suffix else free_name(path)))
        self._forget()

    def begin(self) -> None:
        self._forget()
        self._busy = True
        self.bar.setRange(0, 0)
        self.bar.show()
        self.go.setEnabled(False)

    def show_progress(self, done: int, of: int) -> None:
        self.bar.setRange(0, of)
        self.bar.setValue(done)

    def succeed(self, report: ExportReport) -> None:
        self._busy, self.made = False, report.path
        images = trn("{n:,} photo", "{n:,} photos", report.images)
        regions = trn("{n:,} outline", "{n:,} outlines", report.regions)
        lines = [
            tr(
                "{images} and {regions} written to {name}.",
                images=images,
                regions=regions,
                name=report.path.name,
            ),
            *report.notes,
        ]
        self.outcome.setText("\n".join(lines))
        self.bar.hide()
        self.outcome.show()
        self.open.show()
        self.go.setEnabled(True)

    def fail(self, sentence: str) -> None:
        self._busy = False
        self._forget()
        self.problems.put([sentence])

    def _forget(self) -> None:
        if self._busy:
            return
        self.made = None
        for widget in (self.bar, self.outcome, self.open):
            widget.hide()
        self.problems.put([])
        self.go.setEnabled(self.spec is not None and bool(self.place.text()))

    def _choose(self) -> None:
        spec = self.spec
        if spec is None:
            return
        dialog = file_dialog(
            self, tr("Where the labels go"), folders=not spec.suffix, saves=bool(spec.suffix)
        )
        if spec.suffix:
            # Asked when it is written, and only where it is no earlier export of the project.
            dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
            dialog.setDefaultSuffix(spec.suffix.lstrip("."))
            dialog.selectFile(Path(self.place.text()).name)
        dialog.setDirectory(self._context.preferences.last_folder(PURPOSE))
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, name: str) -> None:
        path, spec = Path(name), self.spec
        if spec is not None and not spec.suffix:
            self._context.preferences.put_last_folder(PURPOSE, path)
            path = free_name(path / Path(self.place.text()).name)
        else:
            self._context.preferences.put_last_folder(PURPOSE, path.parent)
        self.place.setText(str(path))
        self._forget()

    def _go(self) -> None:
        if (spec := self.spec) is not None:
            self.export_wanted.emit(spec.id, at_home(self.place.text()))
