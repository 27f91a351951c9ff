"""The list of diseases: find, add, colour, choose the key, edit, merge, remove.

Knows the list; one disease in full is `gui.dialogs.disease`. The store refuses what cannot be
(removing one that is in use).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QWidget,
)

from core.changes import Changes
from core.domain.disease import LONGEST_NAME, PALETTE, Disease, clash
from core.domain.ids import DiseaseId, new_id
from core.errors import UserError
from core.language import tr, trn
from core.services.starter_list import Entry, found, put
from gui.context import Context
from gui.controllers.bulk import BulkController
from gui.dialogs.made_anew import Rows
from gui.gallery.swatch import swatch
from gui.models.diseases import DiseaseList
from gui.notices import Notices
from gui.panels.pieces import Elided, button, column, label, row, scrolled
from gui.plain import plain_tip

if TYPE_CHECKING:
    from core.ports import ProjectStore


def problem(name: str, others: list[Disease]) -> str:
    """What is wrong with a disease's name, as a sentence; "" when nothing is."""
    if not name.strip():
        return tr("A disease needs a name.")
    return clash(Disease(DiseaseId(0), name.strip(), ""), others)


UNSAVED = tr(
    "What was labelled last is not saved yet and may carry this disease. Wait until the dot above "
    "the photo is green, then try again."
)


class DiseasesDialog(QDialog):
    """Every change is kept at once. ``unsaved`` says whether labelling is still being saved."""

    def __init__(
        self,
        context: Context,
        diseases: DiseaseList,
        bulk: BulkController,
        parent: QWidget,
        *,
        unsaved: Callable[[], bool],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Diseases"))
        self.setMinimumSize(620, 420)
        self.resize(660, 540)
        self._context, self._diseases, self._unsaved = context, diseases, unsaved
        self._bulk, self._rows = bulk, Rows()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        rows = QWidget()
        rows.setLayout(column(self._grid, None))
        self.search = _field(tr("Find by name, synonym, EPPO code or crop"), tr("Find a disease"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _text: self._fill())
        self._new = _field(tr("Name of another disease"), tr("Name of another disease"))
        self._new.setMaxLength(LONGEST_NAME)
        self._new.returnPressed.connect(self._add_one)
        self._add = button(tr("Add"), self._add_one, primary=True)
        self.from_list = button(tr("From a crop's list…"), self._choose_from_list)
        self._problem = label("", "danger", wrap=True)
        self._refused = _told_in(self, self._problem, context.notices)
        self._new.textEdited.connect(lambda _text: self._problem.clear())
        self.told = label("", "muted", wrap=True)
        self.undo = button(tr("Undo the merge"), self._undo)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        # Enter ends the editing of a name; it neither adds another nor closes the list.
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        adding = row(self._new, self._add, self.from_list)
        adding.setStretch(0, 1)
        self._said = self._merge_line()
        layout = column(
            self.search, scrolled(rows), adding, self._problem, self._said, buttons,
            spacing=12, margin=14,
        )  # fmt: skip
        layout.setStretch(1, 1)
        self.setLayout(layout)
        diseases.changed.connect(self._fill)
        bulk.remembered.connect(self._tell)
        self._fill()
        self._tell()

    def _merge_line(self) -> QWidget:
        """What was merged last, and a button that takes it back."""
        made = QWidget()
        said = row(self.told, self.undo)
        said.setStretch(0, 1)
        made.setLayout(said)
        return made

    def _fill(self) -> None:
        # Every change in the project makes them anew, somebody else's too.
        with self._rows.made_anew(self.focusWidget()):
            self._fill_rows()

    def _fill_rows(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, text in enumerate(("", tr("Name"), tr("EPPO code"), tr("Crop"), tr("Key"))):
            self._grid.addWidget(label(text, "heading"), 0, place)
        text = self.search.text().strip()
        shown = found(self._diseases.all, text) if text else self._diseases.all
        for line, disease in enumerate(shown, 1):
            editors = self._editors(disease)
            self._rows.put(disease.id, editors)
            for place, widget in enumerate(editors):
                self._grid.addWidget(widget, line, place)
        if not shown and text:
            self._grid.addWidget(label(tr("No disease is called so."), "muted"), 1, 1)

    def _editors(self, disease: Disease) -> list[QWidget]:
        colour = QToolButton()
        colour.setIcon(swatch(disease.colour, 16))
        colour.setToolTip(tr("Colour"))
        colour.clicked.connect(lambda: self._ask_colour(disease))
        name = QLineEdit(disease.name)
        name.setMaxLength(LONGEST_NAME)
        name.setCursorPosition(0)  # of a long name the beginning tells more than the end
        name.setToolTip(plain_tip(", ".join(disease.synonyms)))
        name.editingFinished.connect(lambda: self._rename(disease, name.text()))
        code = QLineEdit(disease.eppo)
        code.setMaxLength(6)
        code.setFixedWidth(90)
        code.editingFinished.connect(lambda: self._set_code(disease, code.text()))
        crop = Elided(disease.crop, "muted")
        crop.setMinimumWidth(80)
        crop.setMaximumWidth(130)  # a long one leaves the room to the name
        key = QComboBox()
        key.addItem("–", None)
        for number in range(1, 10):
            key.addItem(str(number), number)
        key.setCurrentIndex(key.findData(disease.hotkey))
        key.activated.connect(lambda _i: self._set_key(disease, key.currentData()))
        edit = _tool(self._context, "mdi6.pencil-outline", tr("Crop, synonyms, merging"))
        edit.setAccessibleName(tr("Edit {name}", name=disease.name))
        edit.clicked.connect(lambda: self.edit(disease, typed=name.text()))
        why = tr("Remove; only when no leaf and no lesion has it")
        remove = _tool(self._context, "mdi6.trash-can-outline", why)
        remove.setEnabled(not disease.healthy)
        remove.clicked.connect(lambda: self._remove(disease))
        _name(
            disease,
            {
                colour: tr("Colour"),
                name: tr("Name"),
                code: tr("EPPO code"),
                key: tr("Key"),
                remove: tr("Remove"),
            },
        )
        return [colour, name, code, crop, key, edit, remove]

    # -- adding

    def _add_one(self) -> None:
        name = self._new.text()
        text = problem(name, self._diseases.all)
        self._problem.setText(text)
        if text:
            return
        made = Disease(
            DiseaseId(new_id()),
            name.strip(),
            self._diseases.free_colour(),
            hotkey=self._diseases.free_hotkey(),
        )
        self._new.clear()
        self._context.project.change(lambda store: store.put_disease(made), on_error=self._refused)

    def _choose_from_list(self) -> None:
        from gui.dialogs.starter_list import StarterListDialog

        dialog = StarterListDialog(self._diseases.all, self)
        dialog.chosen.connect(self._take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _take(self, chosen: list[Entry]) -> None:
        self._problem.clear()
        self._context.project.change(lambda store: put(store, chosen), on_error=self._refused)

    # -- editing

    def edit(self, disease: Disease, *, typed: str = "") -> None:
        """One disease in full. ``typed``: what it was to be called, maybe as another is."""
        from gui.dialogs.disease import DiseaseDialog

        others = [d for d in self._diseases.all if d.id != disease.id]
        dialog = DiseaseDialog(disease, others, self)
        dialog.propose(typed)
        dialog.kept.connect(lambda after: self._put(disease, after))
        dialog.merging.connect(lambda into: self.ask_to_merge(disease, into))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _rename(self, disease: Disease, name: str) -> None:
        if name.strip() == disease.name:
            return
        text = problem(name, [d for d in self._diseases.all if d.id != disease.id])
        if text and name.strip():
            text = tr(
                "{why} If both are one disease, press the pencil beside “{name}” to merge them.",
                why=text,
                name=disease.name,
            )
        self._problem.setText(text)
        if not text:
            self._put(disease, disease.renamed(name.strip()))

    def _set_code(self, disease: Disease, text: str) -> None:
        from gui.dialogs.disease import wrong

        changed = replace(disease, eppo=text.strip().upper())
        if changed == disease:
            return
        others = [d for d in self._diseases.all if d.id != disease.id]
        self._problem.setText(wrong(changed, others))
        if not self._problem.text():
            self._put(disease, changed)

    def _set_key(self, disease: Disease, number: int | None) -> None:
        """A key belongs to one disease: it is taken from the one that had it."""
        former = self._diseases.with_hotkey(number) if number is not None else None
        if former is not None and former.id != disease.id:
            self._put(former, replace(former, hotkey=None))
        self._put(disease, replace(disease, hotkey=number))

    def _ask_colour(self, disease: Disease) -> None:
        # Beside Qt's own, which nobody chose to be told apart.
        for place, colour in enumerate(PALETTE[: QColorDialog.customCount()]):
            QColorDialog.setCustomColor(place, QColor(colour))
        dialog = QColorDialog(QColor(disease.colour), self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.colorSelected.connect(
            lambda chosen: self._put(disease, replace(disease, colour=chosen.name()))
        )
        dialog.open()

    def _put(self, before: Disease, after: Disease) -> None:
        """What differs: while the store is busy, the row that is edited shows what was there before
        the last change."""
        names = [f.name for f in fields(after)]
        changed = {n: getattr(after, n) for n in names if getattr(after, n) != getattr(before, n)}

        def put(store: ProjectStore) -> Changes:
            now = next((d for d in store.diseases() if d.id == after.id), None)
            return store.put_disease(replace(now, **changed)) if now else Changes()

        if changed:
            self._problem.clear()
            self._context.project.change(put, on_error=self._refused)

    def _must_wait(self) -> bool:
        """An action that is not on disk yet may carry the disease that is about to go."""
        waits = self._unsaved()
        self._problem.setText(UNSAVED if waits else "")
        return waits

    def _remove(self, disease: Disease) -> None:
        if self._must_wait():
            return
        self._context.project.change(
            lambda store: store.remove_disease(disease.id),
            on_error=self._refused,
        )

    # -- merging

    def ask_to_merge(self, gone: Disease, into: Disease) -> None:
        """First how much would change, then the question."""
        from gui.dialogs.merge import ask_to_merge

        if self._must_wait():
            return
        merge = partial(self._merge, gone, into)
        self._context.project.ask(
            lambda store: store.disease_use(gone.id),
            on_done=lambda use: ask_to_merge(self, gone, into, use, merge),
            owner=self,
        )

    def _merge(self, gone: Disease, into: Disease) -> None:
        if not self._must_wait():
            self._bulk.merge(gone, into)

    def _tell(self) -> None:
        """The last merge can be undone here, however long ago it was."""
        merge = self._bulk.last_merge
        if merge is not None:
            photos = trn("{n:,} photo", "{n:,} photos", merge.photos)
            self.told.setText(tr("{what}: {photos} changed.", what=merge.title, photos=photos))
        self._said.setVisible(merge is not None)

    def _undo(self) -> None:
        merge = self._bulk.last_merge
        if merge is not None and not self._must_wait():
            self._bulk.take_back(merge)


def _told_in(dialog: QDialog, place: QLabel, notices: Notices) -> Callable[[BaseException], None]:
    """Says in ``place`` what could not be done: notices lie behind the dialog while it is open."""

    def tell(error: BaseException) -> None:
        if isinstance(error, UserError) and shiboken6.isValid(dialog) and dialog.isVisible():
            place.setText(str(error))
        else:
            notices.show(error)

    return tell


def _field(hint: str, name: str) -> QLineEdit:
    """``name`` is for screen readers."""
    made = QLineEdit()
    made.setPlaceholderText(hint)
    made.setAccessibleName(name)
    return made


def _tool(context: Context, icon: str, tip: str) -> QToolButton:
    made = QToolButton()
    made.setIcon(context.theme.icon(icon))
    made.setIconSize(QSize(18, 18))
    made.setToolTip(plain_tip(tip))
    return made


def _name(disease: Disease, fields: dict[QWidget, str]) -> None:
    """Tell screen readers which disease a field is of."""
    for widget, what in fields.items():
        widget.setAccessibleName(f"{what}: {disease.name}")
