"""The regions of the open photo as a list: kind, disease, area; choose, relabel, delete.

Knows a model of rows and its view; edits nothing itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.domain.disease import Disease
from core.domain.ids import RegionId
from core.domain.image import ImageState
from core.domain.region import RegionInfo, RegionKind
from core.language import tr
from core.services.severity import LeafMeasures, PhotoMeasures
from gui.controllers.label import LabelController
from gui.direction import apart, draw_words
from gui.gallery.cell import percent
from gui.gallery.swatch import PIECE, piece, swatch
from gui.models.diseases import DiseaseList
from gui.panels.pieces import label
from gui.plain import plain_tip
from gui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
SOURCES = {"hand": tr("by hand"), "import": tr("imported")}
EMPTY = tr("Nothing is outlined yet: press A and click a lesion.")


def source_text(source: str) -> str:
    """Where a region came from, in words."""
    kind, _, name = source.partition(":")
    if kind == "engine":
        return tr("assistant ({name})", name=name)
    return tr("model run {name}", name=name) if kind == "run" else SOURCES.get(source, source)


class RegionModel(QAbstractListModel):
    """One row a region, newest last. Read from the controller at every ``refresh``."""

    def __init__(self, controller: LabelController, diseases: DiseaseList) -> None:
        super().__init__(controller)
        self._controller, self._diseases = controller, diseases
        self.infos: list[RegionInfo] = []
        self._numbers: dict[RegionId, int] = {}
        self._pieces: dict[RegionId, list[tuple[LeafMeasures, int]]] = {}
        self._outlined, self._patterned = False, True
        controller.edits.updated.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        session = self._controller.session
        infos = [r.info for r in session.regions] if session else []
        leaves = [info.id for info in infos if info.kind is RegionKind.LEAF]
        self._numbers = {leaf: n for n, leaf in enumerate(leaves, 1)} if len(leaves) > 1 else {}
        if [i.id for i in infos] != [i.id for i in self.infos]:
            self.beginResetModel()
            self.infos = infos
            self.endResetModel()
        elif infos:
            self.infos = infos
            self.dataChanged.emit(self.index(0), self.index(len(infos) - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.infos)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.infos):
            return None
        info = self.infos[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return apart(self.name(info) or tr("not named"), self.share(info))
            case Qt.ItemDataRole.DecorationRole:
                return self._look(info)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self.spoken(info)
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(self.spoken(info))
            case Qt.ItemDataRole.FontRole:
                font = QFont()
                font.setBold(info.id == self._controller.edits.active)
                return font
        return None

    def put_measures(self, found: PhotoMeasures | None) -> None:
        """The open photo's as of the last rest, which tell which leaf a lesion is on."""
        self._pieces = {}
        for leaf in found.leaves if found else ():
            pixels: Counter[RegionId] = Counter()
            for lesion in leaf.lesions:
                pixels[lesion.region] += lesion.area
            for region, area in pixels.items():
                self._pieces.setdefault(region, []).append((leaf, area))
        if self._numbers:
            self.refresh()

    def show_as(self, *, outlined: bool, patterned: bool) -> None:
        """How regions are drawn on the photo now: so they are in the list."""
        if (outlined, patterned) != (self._outlined, self._patterned):
            self._outlined, self._patterned = outlined, patterned
            self.refresh()

    def _look(self, info: RegionInfo) -> QIcon:
        """A leaf has no pattern on the photo, whatever its colour's would be."""
        patterned = self._patterned and info.kind is not RegionKind.LEAF
        colour = self._controller.current.colour(info)
        return piece(colour, outlined=self._outlined, patterned=patterned)

    def spoken(self, info: RegionInfo) -> str:
        """All of a row in words."""
        name = self.name(info) or tr("Lesion, not named")
        return f"{name}, {self.share(info)}, {source_text(info.source)}"

    def name(self, info: RegionInfo) -> str:
        """ "" for a lesion without a disease. Of several leaves each has the number that it has in
        tables."""
        if info.kind is RegionKind.LEAF:
            number = self._numbers.get(info.id)
            return tr("Leaf {number}", number=number) if number else tr("Leaf")
        disease = self._diseases.get(info.disease)
        return disease.name if disease else ""

    def share(self, info: RegionInfo) -> str:
        """A lesion's share of the leaf where it is outlined, of its own leaf where there are
        several; its pixels otherwise."""
        session = self._controller.session
        if session is None:
            return ""
        pixels, figures = session.area(info.id), session.figures
        if info.kind is RegionKind.LESION and self._numbers:
            if parts := self._on_leaves(info):
                return ", ".join(parts)
        elif info.kind is RegionKind.LESION and figures.leaf:
            return percent(100 * pixels / figures.cover)
        return tr("{pixels:,} px", pixels=pixels)

    def _on_leaves(self, info: RegionInfo) -> list[str]:
        """What a lesion takes of each leaf that a piece of it lies on, as the tables have it; empty
        until it has been measured as it is now."""
        parts = []
        for leaf, pixels in self._pieces.get(info.id, []):
            number = self._numbers.get(leaf.leaf) if leaf.leaf is not None else None
            if number:
                share = percent(100 * pixels / leaf.areas.cover)
                parts.append(tr("{share} of leaf {number}", share=share, number=number))
            elif leaf.leaf is None:
                parts.append(tr("{pixels:,} px on no leaf", pixels=pixels))
        return parts

    def row_of(self, region: RegionId | None) -> int:
        return next((row for row, info in enumerate(self.infos) if info.id == region), -1)


class _List(QListView):
    """Wants little height: it scrolls, so that the panel around it need not. ``empty`` is what it
    says while it has no row."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self.empty = theme, ""
        self.setIconSize(PIECE)

    def sizeHint(self) -> QSize:
        return QSize(160, 84)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.model().rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(self._theme.colour("muted"))
            room = self.viewport().rect().adjusted(10, 10, -10, -10)
            side = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter
            draw_words(painter, self, room, self.empty, side | Qt.TextFlag.TextWordWrap)


class RegionPanel(QWidget):
    """``hovered`` carries the id of the region under the pointer, or None."""

    hovered = Signal(object)

    def __init__(
        self,
        controller: LabelController,
        diseases: DiseaseList,
        theme: Theme,
        *more: QWidget,
    ) -> None:
        """``more`` are buttons beside the heading."""
        super().__init__()
        self._controller, self._diseases, self._theme = controller, diseases, theme
        self.model = RegionModel(controller, diseases)
        self.view = _List(theme)
        self.view.setModel(self.model)
        self.view.setAccessibleName(tr("Regions"))
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setMouseTracking(True)
        self.view.setMinimumHeight(84)
        # A long name gives way, so that the figure behind it stays in sight.
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._heading = label(tr("Regions"), "heading")
        self.relabel = QToolButton()
        self.relabel.setIcon(theme.icon("mdi6.tag-outline"))
        self.relabel.setToolTip(tr("What the chosen regions are"))
        self.relabel.setAccessibleName(tr("What the chosen regions are"))
        self.relabel.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.relabel.setMenu(self._menu)
        head = QHBoxLayout()
        head.addWidget(self._heading, 1)
        head.addWidget(self.relabel)
        for button in more:
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        self.view.clicked.connect(self._clicked)
        self.view.entered.connect(lambda index: self.hovered.emit(self._id(index)))
        self.view.viewportEntered.connect(lambda: self.hovered.emit(None))
        self.view.customContextMenuRequested.connect(
            lambda point: self._menu.popup(self.view.viewport().mapToGlobal(point))
        )
        self._following = False
        self.view.selectionModel().selectionChanged.connect(lambda _new, _old: self._selected())
        controller.edits.updated.connect(self.follow)

    def follow(self) -> None:
        """Show the active region as the chosen one."""
        count = len(self.model.infos)
        self._heading.setText(tr("Regions ({count})", count=count) if count else tr("Regions"))
        rows = [self.model.row_of(region) for region in self._controller.edits.chosen]
        selection = self.view.selectionModel()
        if rows != self._rows():
            self._following = True
            chosen = QItemSelection()
            for row in rows:
                chosen.select(self.model.index(row), self.model.index(row))
            selection.select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            if rows:
                keep = QItemSelectionModel.SelectionFlag.NoUpdate
                selection.setCurrentIndex(self.model.index(rows[0]), keep)
                self.view.scrollTo(self.model.index(rows[0]))
            self._following = False
        self.relabel.setEnabled(bool(rows))

    def explain(self, *, writable: bool) -> None:
        """Say in the list, while it is empty, how it is filled."""
        image = self._controller.session.image if self._controller.session else None
        waits = (
            image is not None
            and image.state in (ImageState.UNSEEN, ImageState.IN_PROGRESS)
            and not image.mask_known
        )
        self.view.empty = EMPTY if waits and writable else ""
        self.view.setAccessibleDescription("" if self.model.infos else self.view.empty)
        self.view.viewport().update()

    def leaveEvent(self, event: Any) -> None:
        self.hovered.emit(None)
        super().leaveEvent(event)

    def _clicked(self, index: QModelIndex) -> None:
        """A click on what is chosen already chooses it alone."""
        if len(self._rows()) < 2:
            self._controller.edits.set_active(self._id(index))

    def _rows(self) -> list[int]:
        """The chosen rows, the active region's first."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        active = self.model.row_of(self._controller.edits.active)
        return sorted(rows, key=lambda row: row != active)

    def _selected(self) -> None:
        """Ctrl and Shift with clicks or arrow keys choose several."""
        if self._following or not self.view.hasFocus():
            return
        ids = [self.model.infos[row].id for row in self._rows()]
        self._controller.edits.set_active(ids[0] if ids else None, ids[1:])

    def _id(self, index: Index) -> RegionId | None:
        return self.model.infos[index.row()].id if index.isValid() else None

    def _fill_menu(self) -> None:
        self._menu.clear()
        if self._controller.edits.active is None:
            return
        for disease in self._diseases.all:
            if not disease.healthy:
                self._add_choice(disease)
        unnamed = self._menu.addAction(tr("Lesion, not named"))
        unnamed.triggered.connect(lambda: self._relabel(RegionKind.LESION, None))
        self._menu.addSeparator()
        leaf = self._menu.addAction(self._theme.icon("mdi6.leaf"), tr("Leaf"))
        leaf.triggered.connect(lambda: self._relabel(RegionKind.LEAF, None))

    def _add_choice(self, disease: Disease) -> None:
        action = self._menu.addAction(swatch(disease.colour), disease.name.replace("&", "&&"))
        action.triggered.connect(lambda: self._relabel(RegionKind.LESION, disease))

    def _relabel(self, kind: RegionKind, disease: Disease | None) -> None:
        self._controller.relabel_chosen(kind, disease.id if disease else None)
