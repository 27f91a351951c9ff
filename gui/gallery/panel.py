"""The gallery with its filters, its order, and how many photos there are.

Knows the fields of a query; knows no session and no canvas.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QStackedWidget, QToolButton, QVBoxLayout, QWidget

from core.changes import Changes
from core.domain.ids import DiseaseId, ImageId
from core.domain.run import Run
from core.language import tr, trn
from core.ports import ImageOrder, ImageQuery
from gui.context import Context
from gui.controllers.photo_choice import PhotoChoice
from gui.controllers.shared import shared
from gui.gallery.filter_rows import FilterRows, SearchLine
from gui.gallery.filters import Filters, order_box
from gui.gallery.narrow_box import NarrowBox
from gui.gallery.nothing import Nothing
from gui.gallery.swatch import swatch
from gui.gallery.thumbs import Thumbnails
from gui.gallery.view import GalleryView
from gui.gallery.wording import STATE_TEXT
from gui.models.diseases import DiseaseList
from gui.models.images import NOT_DONE, ImageIndex
from gui.panels.pieces import Elided


class GalleryPanel(QWidget):
    """``index`` holds the rows, ``view`` shows them; changing a filter asks for others."""

    def __init__(self, context: Context, diseases: DiseaseList) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._context, self._diseases = context, diseases
        self.index = ImageIndex(context.project, self)
        self.thumbs = Thumbnails(context.project, context.tasks, self)
        thumb = context.preferences.number("gallery.thumbnail")
        self.view = GalleryView(self.index, self.thumbs, context.theme, thumb)
        self.nothing = Nothing(context.theme, self._show_all)
        self.text = SearchLine(context.theme.icon("mdi6.magnify", "muted"))
        self._make_sorting()
        self._count = Elided("", "muted")  # else it would widen the gallery
        self._fill_states()
        self._lay_out()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(200)
        self._typing.timeout.connect(self._apply)
        self.text.textChanged.connect(lambda _text: self._typing.start())
        for box in (self.state, self.disease):
            box.activated.connect(lambda _i: self._apply())
        self.order.activated.connect(lambda _i: self._apply(sorting=True))
        self.reverse.toggled.connect(lambda _on: self._apply(sorting=True))
        self.filters.changed.connect(self._apply)
        self.filters.clear.clicked.connect(self.clear)
        self.more.clicked.connect(self._drop_down)
        self.view.selection.changed.connect(self._count_again)
        self.index.reset.connect(self._rows_arrived)
        self.index.troubled.connect(context.notices.show)
        diseases.changed.connect(self._fill_diseases)
        context.project.opened.connect(self._opened)
        context.project.changed.connect(self._changed)
        context.preferences.changed.connect(self._preference_changed)
        shared(context, PhotoChoice).listen(
            lambda: self.index.ids if self.is_filtered else (),
            lambda: self.view.selection.ids if len(self.view.selection) > 1 else (),
        )
        self._fill_diseases()
        self.offer_choices()

    def _make_sorting(self) -> None:
        self.more = QToolButton()
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setToolTip(tr("More filters: group, severity, Dice, notes, …"))
        self.more.setAccessibleName(tr("More filters"))
        self.more.setIcon(self._context.theme.icon("mdi6.filter-variant"))
        self.filters = Filters(self)
        self.groups: list[str] = []
        self.order = order_box()
        self.reverse = QToolButton()
        self.reverse.setCheckable(True)
        self.reverse.setToolTip(tr("The other way round"))
        self.reverse.setAccessibleName(tr("The other way round"))
        self.reverse.setIcon(self._context.theme.icon("mdi6.swap-vertical"))
        # A long disease name must not widen the gallery.
        self.state = NarrowBox(tr("State"))
        self.disease = NarrowBox(tr("Disease of the leaf"))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(6)
        top = QVBoxLayout()
        top.setContentsMargins(8, 0, 8, 0)
        top.setSpacing(6)
        top.addWidget(self.text)
        self.rows = FilterRows(
            (self.state, self.disease), self.order, (self.reverse, self.more), self._count
        )
        top.addWidget(self.rows)
        column.addLayout(top)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.nothing)
        column.addWidget(self._pages, 1)

    def _fill_states(self) -> None:
        self.state.addItem(tr("State"), frozenset())
        self.state.addItem(tr("Not yet done"), NOT_DONE)
        for state, text in STATE_TEXT.items():
            self.state.addItem(text, frozenset((state,)))

    def _fill_diseases(self) -> None:
        chosen = self.disease.currentData()
        self.disease.clear()
        self.disease.addItem(tr("Disease"), None)
        self.disease.addItem(tr("Not named"), "")
        for disease in self._diseases.all:
            self.disease.addItem(swatch(disease.colour), disease.name, disease.id)
        found = 1 if chosen == "" else self.disease.findData(chosen)
        self.disease.setCurrentIndex(max(0, found))
        self.view.set_diseases(self._diseases.by_id)

    def _apply(self, *, sorting: bool = False) -> None:
        disease: DiseaseId | str | None = self.disease.currentData()
        query = ImageQuery(
            states=self.state.currentData(),
            disease=None if isinstance(disease, str) else disease,
            unnamed=isinstance(disease, str),
            text=self.text.text().strip(),
            order=ImageOrder(self.order.currentData()),
            reverse=self.reverse.isChecked(),
        )
        query = self.filters.applied_to(query)
        if sorting and query != self.index.query:
            self.view.begin_at_top()  # whoever sorts by the worst wants to see the worst
        self.index.set_query(query)
        active = self.filters.active
        self.more.setText(f"{active}" if active else "")

    def clear(self) -> None:
        """Every photo again; the order stays."""
        self._reset_fields()
        self.filters.reset()

    def _show_all(self) -> None:
        self.clear()
        self.text.setFocus()  # the button that had it goes

    def _drop_down(self) -> None:
        self.offer_choices()
        corner = self.more.mapToGlobal(self.more.rect().bottomLeft())
        self.filters.adjustSize()
        self.filters.move(corner)
        self.filters.show()

    def offer_choices(self) -> None:
        """Ask for the groups and runs that there are now."""
        self._context.project.ask(
            lambda store: (store.groups(), store.runs()), on_done=self._offer, owner=self
        )

    def _offer(self, found: tuple[list[str], list[Run]]) -> None:
        self.groups, runs = found
        self.filters.offer(self.groups, runs)
        if runs and self.index.query.run is None:
            self._apply()  # the newest run's Dice shows on the pictures

    def _opened(self) -> None:
        self._reset_fields()
        for widget in (self.filters, self.reverse):
            widget.blockSignals(True)
        self.filters.reset()
        self.reverse.setChecked(False)
        self.order.setCurrentIndex(0)
        for widget in (self.filters, self.reverse):
            widget.blockSignals(False)
        self.more.setText("")
        self.offer_choices()

    def _reset_fields(self) -> None:
        for widget in (self.state, self.disease):
            widget.setCurrentIndex(0)
        self.text.clear()  # with its signals: by them it hides its button
        self._typing.stop()

    def _changed(self, changes: Changes) -> None:
        if changes.everything:
            self.thumbs.forget(self.view.ids_in_sight())
        if changes.everything or changes.runs:
            self.offer_choices()

    @property
    def is_filtered(self) -> bool:
        return self.index.query.filters

    def _rows_arrived(self) -> None:
        self._count_again()
        query, total = self.index.query, self.index.total
        if self.index.loaded and total and self.is_filtered and not len(self.index):
            named = self._diseases.get(query.disease)
            self.nothing.say(query, named.name if named else "", total)
            self._pages.setCurrentWidget(self.nothing)
        else:
            self._pages.setCurrentWidget(self.view)

    def _count_again(self) -> None:
        number, total, several = len(self.index), self.index.total, len(self.view.selection)
        listed = trn("{n:,} photo", "{n:,} photos", number)
        if self.is_filtered:
            listed = tr("{number:,} of {total:,}", number=number, total=total)
        self._count.setText(
            tr("{several:,} selected, {listed}", several=several, listed=listed)
            if several > 1
            else listed
        )

    def _preference_changed(self, key: str) -> None:
        if key == "gallery.thumbnail":
            self.view.set_thumb(self._context.preferences.number(key))

    def neighbour(self, image: ImageId | None, step: int) -> ImageId | None:
        """The photo ``step`` rows from ``image``; the first one when ``image`` is not listed."""
        row = self.index.row(image)
        wanted = row + step if row >= 0 else 0
        return self.index.id(wanted) if 0 <= wanted < len(self.index) else None
