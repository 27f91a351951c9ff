"""What is known of the open photo: its file, when and where it was taken, group, notes.

Notes can be written here; everything else is shown. Knows the entry of a photo and its file's size;
knows no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from core.domain.edits import Edit
from core.domain.ids import ImageId
from core.domain.image import LeafImage
from core.domain.region import RegionInfo
from core.language import number_text, tr, trc
from core.ports import Decide, ProjectStore
from gui.context import Context
from gui.controllers import wording
from gui.controllers.label import LabelController
from gui.forms import Form
from gui.gallery.wording import SPLIT_TEXT, state_text
from gui.panels.pieces import label

LONGEST_NOTES = 20_000
UNKNOWN = tr("not known")
ZERO_WIDTH_SPACE = "\u200b"


@dataclass(frozen=True)
class Facts:
    """A photo, its file, and the file's bytes; None where it cannot be reached."""

    image: LeafImage
    path: Path
    size: int | None


class PhotoInfo(QObject):
    """Opens the dialog for the photo that is open."""

    def __init__(self, context: Context, controller: LabelController, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._controller, self._window = context, controller, parent
        self.dialog: InfoDialog | None = None
        context.actions.on("photo.info", self.show)

    def show(self) -> None:
        """Ask for what is known now, then open the dialog."""
        image = self._controller.current.wanted
        if image is not None:
            self._context.project.ask(
                lambda store: facts(store, image), on_done=self._open, owner=self
            )

    def _open(self, found: Facts) -> None:
        self.dialog = InfoDialog(found, self._window.window())
        self.dialog.notes.setReadOnly(not self._context.project.writable)
        self.dialog.finished.connect(lambda _code: self._keep(found))
        self.dialog.open()

    def _keep(self, found: Facts) -> None:
        if self.dialog is None:
            return
        notes = self.dialog.notes.toPlainText().strip()[:LONGEST_NOTES]
        self.dialog = None
        if notes != found.image.notes and self._context.project.writable:
            image = found.image.id
            self._context.project.change(lambda store: store.amend([image], noted(notes)))


def noted(notes: str) -> Decide:
    """Writes ``notes`` and leaves everything else."""

    def decide(image: LeafImage, _regions: Sequence[RegionInfo]) -> tuple[LeafImage, Edit]:
        return replace(image, notes=notes), Edit(image.id, tr("Notes"))

    return decide


def facts(store: ProjectStore, image: ImageId) -> Facts:
    """On the store lane."""
    found = store.image(image)
    path = store.resolve(found)
    try:
        size: int | None = path.stat().st_size
    except OSError:
        size = None
    return Facts(found, path, size)


class InfoDialog(QDialog):
    """Closing it keeps the notes."""

    def __init__(self, found: Facts, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Photo information"))
        self.setMinimumWidth(460)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        form = Form()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        self.values: dict[str, QLabel] = {}
        for title, text in lines(found):
            value = Value(text)
            self.values[title] = value
            form.addRow(label(title, "muted"), value)
        self.notes = QPlainTextEdit(found.image.notes)
        self.notes.setPlaceholderText(tr("Notes about this photo"))
        self.notes.setTabChangesFocus(True)
        self.notes.setAccessibleName(tr("Notes"))
        self.notes.setFixedHeight(110)
        form.addRow(label(tr("Notes"), "muted"), self.notes)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 18, 18, 14)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(buttons)


class Value(QLabel):
    """Can be selected and copied, without the places where a long name may be broken."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def copy(self) -> None:
        """What is selected; all where nothing is."""
        text = self.selectedText() or self.text()
        QGuiApplication.clipboard().setText(text.replace(ZERO_WIDTH_SPACE, ""))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy"), self.copy)
        menu.popup(event.globalPos())


def lines(found: Facts) -> list[tuple[str, str]]:
    """(what, value) of everything but the notes."""
    image = found.image
    pixels = tr("{width} × {height} pixels", width=image.width, height=image.height)
    size = tr("file not there") if found.size is None else megabytes(found.size)
    said = [
        (tr("File"), breakable(found.path.name)),
        (tr("Folder"), breakable(str(found.path.parent))),
        (tr("Size"), f"{pixels}, {size}"),
        (tr("Camera date"), taken_at(image.captured_at)),
        (tr("Place (GPS)"), place(image.gps)),
        (tr("Group"), image.group or trc("of groups", "none")),
        (tr("Part of training"), dict(SPLIT_TEXT)[image.split]),
        (tr("State"), state_text(image)),
    ]
    if image.crop:
        said.append((tr("Crop"), image.crop))
    return said + [(key, value) for key, value in image.extra if value]


def taken_at(text: str) -> str:
    """``text`` is ISO 8601 local time or ""; the year matters where seasons are compared."""
    try:
        # For translators: a moment in the letters that Qt has for dates.
        return wording.moment(datetime.fromisoformat(text), tr("yyyy-MM-dd, HH:mm"))
    except ValueError:
        return text or UNKNOWN


def place(gps: tuple[float, float] | None) -> str:
    """Degrees with five decimals, about a metre."""
    if gps is None:
        return UNKNOWN
    north = tr("N") if gps[0] >= 0 else tr("S")
    east = tr("E") if gps[1] >= 0 else tr("W")
    return f"{number_text(abs(gps[0]), '.5f')}° {north}, {number_text(abs(gps[1]), '.5f')}° {east}"


def megabytes(size: int) -> str:
    """As cameras say it."""
    return f"{number_text(size / 1e6, '.1f')} MB" if size >= 100_000 else f"{size / 1e3:.0f} kB"


def breakable(text: str) -> str:
    """A long name without spaces may be broken anywhere."""
    return ZERO_WIDTH_SPACE.join(text[i : i + 8] for i in range(0, len(text), 8))
