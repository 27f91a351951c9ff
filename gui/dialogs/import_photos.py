"""Asks what to import, shows how far it is, and then what became of every photo.

Knows the options of an import; the controller does it. Stays open beside the window meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.files import at_home, is_folder, is_there
from core.language import tr, trn
from core.services.import_images import ImportOptions, ImportReport
from core.services.starter_list import sole_crop
from gui.context import Context
from gui.controllers.import_ import ImportController
from gui.dialogs.crop import crop_box, crop_in
from gui.file_dialog import file_dialog
from gui.forms import Form
from gui.panels.pieces import Elided, label

FILES = tr(
    "JPEG, PNG, TIFF, WebP and HEIC, RAW with one more library; masks are grey or palette PNGs "
    "with the photo's name; the table has the columns image and disease."
)
STAY = tr("Photos stay where they are.")
COPIED = tr("The project works with its own copies; the photos themselves stay as they are.")


@dataclass(frozen=True)
class Suggestion:
    """What lies in a folder that looks like an import: "" where nothing does."""

    photos: str
    masks: str = ""
    map: str = ""
    labels: str = ""


def suggest(folder: Path) -> Suggestion:
    """Recognise ``photos/``, ``masks/``, ``map.json`` and ``labels.csv`` in or beside a folder."""
    home = folder.parent if folder.name in ("photos", "images") else folder
    photos = next((home / n for n in ("photos", "images") if is_folder(home / n)), folder)
    masks, mapping, labels = home / "masks", home / "map.json", home / "labels.csv"
    complete = is_folder(masks) and is_there(mapping)
    return Suggestion(
        str(photos),
        str(masks) if complete else "",
        str(mapping) if complete else "",
        str(labels) if is_there(labels) else "",
    )


class PathRow(QWidget):
    """A line for a path and a button to pick it. ``folder`` picks folders, else files."""

    def __init__(self, context: Context, *, folder: bool, filters: str = "") -> None:
        super().__init__()
        self._context, self._folder, self._filters = context, folder, filters
        self.line = QLineEdit()
        browse = QPushButton(tr("Browse…"))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(browse)

    @property
    def path(self) -> Path | None:
        text = self.line.text().strip()
        return at_home(text) if text else None

    def _browse(self) -> None:
        start = self.line.text() or self._context.preferences.last_folder("photos")
        dialog = file_dialog(self.window(), tr("Choose"), start, folders=self._folder)
        if self._filters:
            dialog.setNameFilter(self._filters)
        dialog.fileSelected.connect(self.line.setText)
        dialog.open()


class ImportDialog(QDialog):
    """Three pages: what, how far, what became of it."""

    def __init__(
        self, context: Context, controller: ImportController, paths: list[Path], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Import photos"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(620, 480)
        self._context, self._controller, self._paths = context, controller, paths
        self._pages = QStackedWidget()
        for page in (self._build_form(), self._build_progress(), self._build_report()):
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.addWidget(self._pages)
        controller.progressed.connect(self._progressed)
        controller.finished.connect(self.show_report)
        controller.failed.connect(self._failed)
        if len(paths) == 1 and is_folder(paths[0]):
            self.photos.line.setText(str(paths[0]))
        elif paths:
            self.photos.line.setText(tr("{count} dropped files and folders", count=len(paths)))
            self.photos.setEnabled(False)

    # -- what

    def _build_form(self) -> QWidget:
        context = self._context
        self.photos = PathRow(context, folder=True)
        self.masks = PathRow(context, folder=True)
        self.map = PathRow(context, folder=False, filters=tr("Map (*.json)"))
        self.labels = PathRow(context, folder=False, filters=tr("Table (*.csv)"))
        self.create_diseases = QCheckBox(tr("Make the diseases that table and map name"))
        self.create_diseases.setChecked(True)
        self.copy = QCheckBox(tr("Copy the photos into the project"))
        self.copy.setToolTip(
            tr(
                "Then the project is complete in itself: it can be moved, or the memory card "
                "taken out."
            )
        )
        form = Form()
        for title, path in (
            (tr("Folder with photos"), self.photos),
            (tr("Masks (optional)"), self.masks),
            (tr("What mask values mean"), self.map),
            (tr("Table of labels (optional)"), self.labels),
        ):
            form.addRow(title, path)
            path.line.setAccessibleName(title)
        self.crop = crop_box()
        self.crop.setAccessibleName(tr("Crop"))
        context.project.ask(
            lambda store: sole_crop(store.diseases()),
            on_done=self.crop.setCurrentText,
            owner=self,
        )
        form.addRow(tr("Crop (optional)"), self.crop)
        form.addRow("", self.create_diseases)
        form.addRow("", self.copy)
        note = label(f"{STAY} {FILES}", "muted", wrap=True)
        self.copy.toggled.connect(lambda on: note.setText(f"{COPIED if on else STAY} {FILES}"))
        self.start = QPushButton(tr("Import"))
        self.start.setDefault(True)
        self.start.clicked.connect(self._start)
        cancel = QPushButton(tr("Cancel"))
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.close)
        self.photos.line.textChanged.connect(self._suggest)
        for row in (self.photos, self.masks, self.map):
            row.line.textChanged.connect(self._check)
        self._problem = label("", "danger", wrap=True)
        self._check()
        return _page(form, note, self._problem, buttons=(cancel, self.start))

    def _suggest(self, text: str) -> None:
        folder = at_home(text)
        if not text or not is_folder(folder):
            return
        found = suggest(folder)
        for row, path in (
            (self.masks, found.masks),
            (self.map, found.map),
            (self.labels, found.labels),
        ):
            row.line.setText(path)

    def _check(self) -> None:
        self.map.setEnabled(self.masks.path is not None)
        named = self.photos.path is not None and is_folder(self.photos.path)
        ready = bool(self._paths) or named
        problem = ""
        if self.photos.path is not None and not ready:
            problem = tr("There is no such folder.")
        elif self.masks.path is not None and self.map.path is None:
            problem = tr("Choose the map that says what the masks' values mean.")
        self._problem.setText(problem)
        self.start.setEnabled(ready and not problem)

    def _start(self) -> None:
        folder = self.photos.path
        given = self._paths
        if self.photos.isEnabled() and folder is not None:
            self._context.preferences.put_last_folder("photos", folder)
            found = suggest(folder)
            given = [Path(found.photos) if self.masks.path else folder]
        options = ImportOptions(
            masks=self.masks.path,
            mask_map=self.map.path if self.masks.path else None,
            labels=self.labels.path,
            create_diseases=self.create_diseases.isChecked(),
            author=self._context.preferences.text("label.author"),
            copy=self.copy.isChecked(),
            crop=crop_in(self.crop),
        )
        self._pages.setCurrentIndex(1)
        self._controller.start(given, options)

    # -- how far

    def _build_progress(self) -> QWidget:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.how_far = label(tr("Looking through the folder…"))
        self._file = Elided("", "muted", middle=True)
        stop = QPushButton(tr("Stop"))
        stop.setToolTip(tr("Photos taken in so far stay in the project."))
        # Or a second Enter, meant for Import, would end what the first one began.
        stop.setAutoDefault(False)
        stop.clicked.connect(self._controller.cancel)
        return _page(self.how_far, self.bar, self._file, buttons=(stop,))

    def _progressed(self, done: int, total: int, name: str) -> None:
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.how_far.setText(
            trn("{done} of {n:,} photo", "{done} of {n:,} photos", total, done=done)
        )
        self._file.setText(name)

    # -- what became of it

    def _build_report(self) -> QWidget:
        self.summary = label("", "title")
        self.details = label("", "muted", wrap=True)
        self.refusals = QListWidget()
        self.refusals.setAccessibleName(tr("What was not imported, and why"))
        self.refusals.setWordWrap(True)
        self.refusals.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.refusals.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        keep = self.refusals.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # or the words above would drift apart
        self.refusals.setSizePolicy(keep)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.close)
        return _page(self.summary, self.details, self.refusals, buttons=(close,))

    def show_report(self, report: ImportReport) -> None:
        """Accepted + completed + refused + left = total, and every refusal with its reason."""
        count, more = len(report.accepted), len(report.completed)
        only_more = more > 0 and count == 0
        self.summary.setText(
            trn("{n:,} photo completed", "{n:,} photos completed", more)
            if only_more
            else trn("{n:,} photo imported", "{n:,} photos imported", count)
        )
        parts = [trn("{n} refused", "{n} refused", len(report.refused))] if report.refused else []
        if report.cancelled:
            parts.append(
                trn(
                    "{n} not looked at, because the import was stopped",
                    "{n} not looked at, because the import was stopped",
                    report.left,
                )
            )
        made = self.copy.isChecked() and count > 0
        copies = tr(" The copies are in the project's photos folder.") if made else ""
        if report.total != count:
            parts.insert(0, tr("{total} in all", total=report.total))
        told = "; ".join(parts) + "." if parts else ""
        known = " ".join(report.known.sentences())
        undo = tr(" Undo does not take that back.") if more else ""
        self.details.setText(f"{told}{copies} {known}{undo}".strip())
        self.refusals.clear()
        icons = self._context.theme
        for path, reason in report.refused:
            text = f"{path.name}: {reason}"
            item = QListWidgetItem(icons.icon("mdi6.close-circle-outline", "danger"), text)
            item.setToolTip("")
            self.refusals.addItem(item)
        for warning in [*(why for _, why in report.known.differing), *report.warnings]:
            item = QListWidgetItem(icons.icon("mdi6.alert-outline", "warn"), warning)
            self.refusals.addItem(item)
        self.refusals.setVisible(self.refusals.count() > 0)
        self._pages.setCurrentIndex(2)

    def _failed(self, _error: BaseException) -> None:
        """Back to the form. No lambda: the controller would call it when this dialog has gone."""
        self._pages.setCurrentIndex(0)

    def reject(self) -> None:
        """Escape closes without a close event."""
        self._controller.cancel()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing the dialog stops an import that is under way."""
        self._controller.cancel()
        super().closeEvent(event)


def _page(*items: QWidget | Form, buttons: tuple[QPushButton, ...]) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setSpacing(12)
    for item in items:
        if isinstance(item, QListWidget):
            column.addWidget(item, 1)
        elif isinstance(item, QWidget):
            column.addWidget(item)
        else:
            column.addLayout(item)
    if not any(isinstance(item, QListWidget) for item in items):
        column.addStretch(1)
    box = QDialogButtonBox()  # in the order that the system's other dialogs have
    role = QDialogButtonBox.ButtonRole
    for button in buttons:
        box.addButton(button, role.AcceptRole if button.isDefault() else role.RejectRole)
    column.addWidget(box)
    return page
