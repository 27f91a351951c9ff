"""Prepared photos: what the assistant has seen of the project, and packs of it for other machines.

Shows what `gui.controllers.packs` finds and does; reads and writes no file itself.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from core.files import size_text
from core.language import listed, tr, trn
from core.services.packs import PackView, Shelf
from gui.context import Context
from gui.controllers.ahead import BUDGET, GIGABYTE
from gui.controllers.packs import Packs, Survey
from gui.file_dialog import file_dialog
from gui.panels.pieces import Elided, button, column, label, row, say
from gui.plain import plain_tip

SUFFIX = ".zip"
SHOWN = 300
"""Photos named one by one, of each kind."""


class PreparedDialog(QDialog):
    """Modeless: labelling goes on beside it. Closing it stops what is under way."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Prepared photos"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.resize(640, 620)
        self._context = context
        self.packs = Packs(context, self)
        self._survey = Survey({}, [])
        self.pack: PackView | None = None
        layout = column(*self._here(), *self._there(), None, self._below(), spacing=8, margin=18)
        layout.setStretchFactor(self.photos, 1000)  # all of the room, while there is a list
        self.setLayout(layout)
        self.packs.surveyed.connect(self._show_survey)
        self.packs.viewed.connect(self._show_pack)
        self.packs.progressed.connect(self._progressed)
        self.packs.ended.connect(self._ended)
        context.project.opened.connect(self.close)
        self._enable()
        self.packs.survey()

    # -- layout

    def _here(self) -> list[QWidget]:
        note = label(
            tr(
                "What the assistant has seen of a photo is kept in the project, so that no click "
                "waits for it. A pack takes it to another machine that has the same photos."
            ),
            "muted",
            wrap=True,
        )
        self.shelves = QTreeWidget()
        self.shelves.setAccessibleName(tr("Prepared photos by assistant"))
        self.shelves.setHeaderLabels([tr("Assistant"), tr("Photos"), tr("Size")])
        self.shelves.setRootIsDecorated(False)
        self.shelves.setFixedHeight(118)
        head = self.shelves.header()
        head.setStretchLastSection(False)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        trailing = Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter
        for place in (1, 2):
            head.setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
            self.shelves.headerItem().setTextAlignment(place, trailing)
        self.shelves.currentItemChanged.connect(lambda *_: self._enable())
        self.space = label("", "muted", wrap=True)
        self.prepare = button(tr("Prepare all photos"), self._prepare)
        self.export = button(tr("Export a pack…"), self._ask_export)
        buttons = QWidget()
        buttons.setLayout(row(self.prepare, self.export, None))
        return [note, _heading(tr("In this project")), self.shelves, self.space, buttons]

    def _there(self) -> list[QWidget]:
        self.choose = button(tr("Choose a pack…"), self._ask_pack)
        self.name = Elided("", "muted", middle=True)
        self.take = button(tr("Take in"), self._take, primary=True)
        self.what = label("", wrap=True)
        self.made_by = label("", "muted", wrap=True)
        self.photos = QListWidget()
        self.photos.setAccessibleName(tr("Photos of the project, in the pack or not"))
        self.photos.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.photos.setMinimumHeight(90)
        chosen = QWidget()
        line = row(self.choose, self.name, self.take)
        line.setStretch(1, 1)
        chosen.setLayout(line)
        return [_heading(tr("From another machine")), chosen, self.what, self.made_by, self.photos]

    def _below(self) -> QWidget:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.hide()
        self.status = label("", "muted", wrap=True)
        self.stop = button(tr("Stop"), self.packs.stop)
        close = button(tr("Close"), self.close)
        made = QWidget()
        line = row(self.status, self.stop, close)
        line.setStretch(0, 1)
        made.setLayout(column(self.bar, line))
        return made

    # -- what there is

    def _show_survey(self, survey: Survey) -> None:
        self._survey = survey
        self.shelves.clear()
        whole = len(survey.photos)
        for shelf in survey.shelves:
            photos = tr("{have:,} of {whole:,}", have=len(shelf.photos), whole=whole)
            item = QTreeWidgetItem([shelf.title, photos, size_text(shelf.size)])
            item.setToolTip(0, plain_tip(shelf.title))
            item.setData(0, Qt.ItemDataRole.UserRole, shelf)
            for place in (1, 2):
                item.setTextAlignment(place, Qt.AlignmentFlag.AlignTrailing)
            self.shelves.addTopLevelItem(item)
        if (first := self.shelves.topLevelItem(0)) is not None:
            self.shelves.setCurrentItem(first)
        held = sum(shelf.size for shelf in survey.shelves)
        allowed = self._context.preferences.number(BUDGET)
        if not survey.shelves:
            self.space.setText(tr("No photo is prepared yet."))
        elif held > allowed * GIGABYTE:
            self.space.setText(
                tr(
                    "This is more than the {allowed} GB of the preferences: what was used longest "
                    "ago goes first.",
                    allowed=allowed,
                )
            )
        else:
            self.space.setText("")
        self.space.setVisible(bool(self.space.text()))
        self.shelves.setVisible(bool(survey.shelves))
        if self.pack is not None:
            self._show_pack(self.pack)
        self._enable()

    @property
    def shelf(self) -> Shelf | None:
        """The one that is chosen."""
        item = self.shelves.currentItem()
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None

    def _show_pack(self, pack: PackView) -> None:
        self.pack = pack
        self.name.setText(pack.path.name)
        self.photos.clear()
        if pack.refusal:
            say(self.what, pack.refusal, "danger")
        else:
            matching = trn("{n:,} photo", "{n:,} photos", len(pack.matching))
            text = tr(
                "{matching} of this project, {size}.", matching=matching, size=size_text(pack.size)
            )
            say(self.what, f"{text} {_left_out(pack)}".rstrip(), "")
            self._name_photos(pack)
        by = tr("Looked at by {makers}.", makers=listed(pack.makers)) if pack.makers else ""
        self.made_by.setText(by)
        self._enable()

    def _name_photos(self, pack: PackView) -> None:
        """First what the pack lacks: that is what somebody has to do something about."""
        paths = self._survey.photos
        theme = self._context.theme
        inside = [path.name for photo, path in paths.items() if photo in pack.matching]
        outside = [path.name for photo, path in paths.items() if photo not in pack.matching]
        for names, icon, text in (
            (outside, theme.icon("mdi6.minus-circle-outline", "muted"), tr("not in the pack")),
            (inside, theme.icon("mdi6.check-circle-outline", "accent"), tr("in the pack")),
        ):
            for name in names[:SHOWN]:
                self.photos.addItem(QListWidgetItem(icon, f"{name}: {text}"))
            if (more := len(names) - SHOWN) > 0:
                self.photos.addItem(
                    trn("and {n:,} more: {text}", "and {n:,} more: {text}", more, text=text)
                )

    # -- what is done

    def _prepare(self) -> None:
        self.packs.prepare()
        self._begin(tr("Looking at photos…"))

    def _ask_export(self) -> None:
        info, shelf = self._context.project.info, self.shelf
        if info is None or shelf is None:
            return
        dialog = file_dialog(self, tr("Export a pack"), saves=True)
        dialog.setNameFilter(tr("Packs of prepared photos (*.zip)"))
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        dialog.setDirectory(self._context.preferences.last_folder("packs"))
        dialog.selectFile(tr("{name} prepared", name=info.name) + SUFFIX)
        dialog.fileSelected.connect(lambda name: self.write(shelf, Path(name)))
        dialog.open()

    def write(self, shelf: Shelf, path: Path) -> None:
        """Export what is on ``shelf``; a file of that name gives way once the new one is whole."""
        self._context.preferences.put_last_folder("packs", path.parent)
        self.packs.export(shelf, path)
        self._begin(tr("Writing the pack…"))

    def _ask_pack(self) -> None:
        dialog = file_dialog(self, tr("Choose a pack"))
        dialog.setNameFilter(tr("Packs of prepared photos (*.zip)"))
        dialog.setDirectory(self._context.preferences.last_folder("packs"))
        dialog.fileSelected.connect(lambda name: self.look(Path(name)))
        dialog.open()

    def look(self, path: Path) -> None:
        """Show what a pack holds for this project; nothing is taken in yet."""
        self._context.preferences.put_last_folder("packs", path.parent)
        self.pack = None
        self.name.setText(path.name)
        for text in (self.what, self.made_by, self.status):
            text.setText("")
        self.photos.clear()
        self._enable()
        self.packs.view(path)

    def _take(self) -> None:
        if self.pack is not None:
            self.packs.take(self.pack)
            self._begin(tr("Taking in…"))

    def _begin(self, sentence: str) -> None:
        if self.packs.busy:
            self.bar.setRange(0, 0)
            say(self.status, sentence, "muted")
            self._enable()

    def _progressed(self, done: int, of: int) -> None:
        self.bar.setRange(0, max(1, of))
        self.bar.setValue(done)

    def _ended(self, sentence: str, well: bool) -> None:
        say(self.status, sentence, "muted" if well else "danger")
        self._enable()

    def _enable(self) -> None:
        busy, writable = self.packs.busy, self._context.project.writable
        free, pack = not busy, self.pack
        self.prepare.setEnabled(free and writable and bool(self._survey.photos))
        # A pack of what was there before the work would lack what it added.
        self.export.setEnabled(free and self.packs.is_surveyed and self.shelf is not None)
        self.choose.setEnabled(free and writable)
        self.take.setEnabled(free and writable and pack is not None and not pack.refusal)
        self.take.setVisible(pack is not None and not pack.refusal)
        for widget in (self.what, self.made_by, self.photos):
            widget.setVisible(pack is not None)
        self.made_by.setVisible(pack is not None and bool(self.made_by.text()))
        self.photos.setVisible(pack is not None and not pack.refusal)
        self.bar.setVisible(busy)
        self.stop.setVisible(busy)

    def reject(self) -> None:
        """Escape closes without a close event."""
        self.packs.stop()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.packs.stop()
        super().closeEvent(event)


def _heading(text: str) -> QLabel:
    made = label(text, "heading")
    made.setContentsMargins(0, 12, 0, 0)
    return made


def _left_out(pack: PackView) -> str:
    parts = []
    if pack.other_photos:
        parts.append(
            trn(
                "{n:,} is not in this project and is left out.",
                "{n:,} are not in this project and are left out.",
                pack.other_photos,
            )
        )
    if pack.other_makers:
        parts.append(
            trn(
                "{n:,} was looked at by an assistant that is of no use here.",
                "{n:,} were looked at by an assistant that is of no use here.",
                pack.other_makers,
            )
        )
    return " ".join(parts)
