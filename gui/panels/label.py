"""The Label workspace: gallery on the left, the photo in the middle, labels on the right.

Puts the pieces side by side and connects them; what they mean is in the controllers.
"""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.domain.ids import ImageId
from gui.canvas.view import CanvasView
from gui.context import Context
from gui.controllers.ahead import Ahead
from gui.controllers.label import LabelController
from gui.controllers.label_actions import LabelActions, add_actions
from gui.controllers.label_canvas import LabelCanvas
from gui.controllers.measures import Measures
from gui.controllers.measuring import Measuring
from gui.controllers.region_actions import RegionActions
from gui.controllers.resting import Resting
from gui.controllers.segment import Assistant
from gui.controllers.suggestions import Suggestions
from gui.controllers.view_actions import ViewActions
from gui.direction import isolated
from gui.gallery.bulk_menu import BulkMenu
from gui.gallery.panel import GalleryPanel
from gui.keys_shown import with_keys
from gui.models.diseases import DiseaseList
from gui.panels.diseases import DiseasePanel
from gui.panels.display import DisplayButton, altered_badge
from gui.panels.label_assistant import AssistantPanel
from gui.panels.label_bar import LabelBar, action_button
from gui.panels.label_notice import LabelNotice
from gui.panels.photo_info import PhotoInfo
from gui.panels.pieces import Elided, label
from gui.panels.region_menu import RegionMenuButton
from gui.panels.regions import RegionPanel
from gui.panels.severity import SeverityPanel
from gui.panels.tool_strip import ToolStrip
from gui.workspaces import Workspace

SIDE = 246
"""In a window 1280 wide it leaves the gallery two photos in a row."""
FILE = 220
"""Pixels of the status line that a photo's name and size may keep from everything beside them."""
HINT = 90
"""Pixels below which the hint of the tool is not worth a look."""


def build(context: Context) -> Workspace:
    """The workspace's factory."""
    return LabelPage(context)


class LabelPage(Workspace):
    """The page. Its parts are public: tests and screenshots use them as a person would."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.diseases = DiseaseList(context.project, self)
        self.controller = LabelController(context, self.diseases, self)
        self.measures = Measures(context, self.controller, self)
        self.assistant = Assistant(context, self)
        self.suggestions = Suggestions(context, self.controller, self.assistant, self)
        self.gallery = GalleryPanel(context, self.diseases)
        self.canvas = CanvasView()
        tools = add_actions(context, self.diseases)
        self.view = ViewActions(context, self.canvas)
        self.display = DisplayButton(context, self.view)
        self.strip = ToolStrip(context, tools)
        self.bar = LabelBar(context, self.canvas, self.controller.edits.saver, display=self.display)
        self.notice = LabelNotice(context)
        self._lay_out()
        self.first = self.canvas  # arrow keys move the photo as soon as it is there
        self.link = LabelCanvas(context, self.controller, self.suggestions, self.canvas)
        self.bulk_menu = BulkMenu(context, self.gallery, self.controller.bulk, self.diseases)
        self.info = PhotoInfo(context, self.controller, self)
        self.actions_ = LabelActions(
            context,
            self.controller,
            self.suggestions,
            self.canvas,
            diseases=self.diseases,
            gallery=self.gallery,
        )
        self.ahead = Ahead(context, self.assistant, self.gallery.neighbour, self)
        self.assistant_panel.show_ahead(self.ahead)
        self.resting = Resting(self.assistant, self.canvas)
        self.measuring = Measuring(
            context, self.controller, self.measures, diseases=self.diseases, panel=self.severity
        )
        self.region_actions = RegionActions(context, self.controller, self.canvas)
        self._connect()
        self._show_notice()

    # -- the workspace

    def entered(self) -> None:
        if self.controller.current.wanted is None:
            self._open_first()

    def left(self) -> None:
        self.canvas.finish_gesture()
        self.assistant.clear()
        self._context.preferences.put_geometry("label.split", self._split.saveState())

    def open_image(self, image: ImageId) -> None:
        self.controller.current.open(image)

    # -- layout

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        self._stack.setObjectName("canvasFrame")
        self.canvas.focusShown.connect(self._frame)
        self._stack.addWidget(self.notice)
        self._stack.addWidget(self.canvas)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        photo = QHBoxLayout()
        photo.setSpacing(0)
        photo.addWidget(self.strip)
        photo.addWidget(self._stack, 1)
        column.addLayout(photo, 1)
        column.addWidget(self._status_line())
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setHandleWidth(1)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.gallery)
        self._split.addWidget(middle)
        self._split.addWidget(self._side())
        for part, stretch in enumerate((0, 1, 0)):
            self._split.setStretchFactor(part, stretch)
        self._split.setSizes([self.gallery.view.sizeHint().width(), 2000, SIDE])
        state: QByteArray = self._context.preferences.geometry("label.split")
        if not state.isEmpty():
            self._split.restoreState(state)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._split)

    def _frame(self, shown: bool) -> None:
        """Tell that the keyboard is on the canvas, where the canvas cannot draw it itself."""
        self._stack.setProperty("focused", shown)
        self._stack.style().polish(self._stack)

    def _status_line(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("statusLine")
        self.file = Elided("", "muted", middle=True)
        self.hint = Elided("", "muted", least=HINT)
        self.zoom = label("", "muted")
        self.zoom.setMinimumWidth(52)
        self.zoom.setAlignment(Qt.AlignmentFlag.AlignRight)
        row = QHBoxLayout(frame)
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(16)
        row.addWidget(self.file)
        row.addWidget(self.hint, 1)
        row.addWidget(altered_badge(self.view))
        row.addWidget(self.zoom)
        return frame

    def _side(self) -> QWidget:
        self.disease_panel = DiseasePanel(self.diseases, self._context.theme)
        self.severity = SeverityPanel(self.diseases, self._context.theme)
        self.regions = RegionPanel(
            self.controller,
            self.diseases,
            self._context.theme,
            RegionMenuButton(self._context),
            action_button(self._context, "region.delete"),
        )
        self.assistant_panel = AssistantPanel(self._context, self.assistant, self.suggestions)
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(14, 10, 14, 8)
        column.setSpacing(10)
        column.addWidget(self.disease_panel, 1)
        column.addWidget(self.severity)
        column.addWidget(self.regions, 1)
        column.addWidget(self.assistant_panel)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows the focus of what is in it
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        side, footer = QFrame(), self._footer()
        side.setObjectName("panel")
        side.setMinimumWidth(max(230, footer.sizeHint().width()))  # Portuguese takes more room
        outer = QVBoxLayout(side)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(area, 1)
        outer.addWidget(footer)
        return side

    def _footer(self) -> QWidget:
        footer = QWidget()
        column = QVBoxLayout(footer)
        column.setContentsMargins(14, 8, 14, 12)
        column.setSpacing(6)
        for action, primary in (("photo.no_lesions", False), ("photo.done", True)):
            act = self._context.actions[action]
            button = QPushButton(with_keys(act.text(), [act.shortcut()]))
            button.setProperty("primary", primary)
            button.ensurePolished()  # its words need more room then, and it is asked for that
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(act.trigger)
            act.changed.connect(lambda a=act, b=button: b.setEnabled(a.isEnabled()))
            button.setEnabled(act.isEnabled())
            column.addWidget(button)
        return footer

    # -- connections

    def _connect(self) -> None:
        controller = self.controller
        controller.current.opened.connect(self._opened)
        controller.edits.updated.connect(self._updated)
        self.measures.changed.connect(self._measured)
        self.gallery.view.chosen.connect(controller.current.open)
        self.gallery.index.reset.connect(self._rows_arrived)
        controller.bulk.removed.connect(self._leave_removed)
        self.disease_panel.named.connect(controller.name)
        self.disease_panel.follow_keys(self.actions_.keys)
        self._context.actions.on("disease.find", self.disease_panel.seek)
        for typed in (self.assistant_panel.words, self.disease_panel.search, self.gallery.text):
            typed.left.connect(self.canvas.setFocus)
        self.gallery.text.returnPressed.connect(self.gallery.view.setFocus)
        self.disease_panel.editing.connect(self.actions_.edit_diseases)
        self.view.changed.connect(self._show_look)
        self._show_look()
        self.regions.hovered.connect(self.canvas.set_hover)
        self.canvas.viewChanged.connect(self._show_zoom)
        self.canvas.viewChanged.connect(self.ahead.view_moved)
        self.canvas.toolChanged.connect(lambda _tool: self._show_hint())
        self._context.project.opened.connect(self._show_notice)
        self._show_hint()

    def _opened(self) -> None:
        session = self.controller.session
        self.gallery.view.set_current(self.controller.current.wanted)
        self.ahead.follow(session.image.id if session else None)
        if session is None:
            self._show_notice()
            return
        if self._stack.currentWidget() is not self.canvas:
            self._stack.setCurrentWidget(self.canvas)
            if not self.gallery.text.hasFocus():  # somebody who types goes on typing
                self.canvas.setFocus()
        image = session.image
        name = image.path.rpartition("/")[2]
        self.file.setText(f"{name}   {image.width} × {image.height}")
        # Where there is little room the hint gives way before the name does.
        self.file.setMinimumWidth(0)  # else the size hint is the longest name's before
        self.file.setMinimumWidth(min(FILE, self.file.sizeHint().width()))
        self._show_zoom()
        self._show_hint()
        for step in (1, -1):
            neighbour = self.gallery.neighbour(image.id, step)
            if neighbour is not None:
                self.controller.current.loader.prefetch(neighbour)

    def _updated(self) -> None:
        session = self.controller.session
        self.severity.show_figures(session.figures if session else None)
        writable = self._context.project.writable
        self.disease_panel.show_current(
            session.image.disease if session else None,
            enabled=session is not None and writable,
        )
        self.disease_panel.edit_button.setEnabled(writable)
        self.regions.explain(writable=writable)

    def _show_look(self) -> None:
        view = self.view
        self.disease_panel.show_dashes(view.outlined and view.patterned)
        self.regions.model.show_as(outlined=view.outlined, patterned=view.patterned)

    def _measured(self) -> None:
        found = self.measures
        self.severity.show_measures(found.found, found.scales.chosen, found.card)
        self.regions.model.put_measures(found.found)

    def _rows_arrived(self) -> None:
        index = self.gallery.index
        self.gallery.view.set_current(self.controller.current.wanted)
        if self.controller.current.wanted is None and self.isVisible():
            self._open_first()
        if self.controller.session is None and index.loaded:
            self._show_notice()

    def _leave_removed(self, images: frozenset[ImageId]) -> None:
        """The next photo that stays, when the open one goes."""
        index = self.gallery.index
        row = index.row(self.controller.current.wanted)
        if row >= 0 and index.id(row) in images:
            rows = [*range(row + 1, len(index)), *range(row - 1, -1, -1)]
            stays = next((index.id(r) for r in rows if index.id(r) not in images), None)
            if stays is not None:
                self.controller.current.open(stays)
                self.gallery.view.set_current(stays)

    def _open_first(self) -> None:
        """The first photo that is not done yet would be better; it costs a question: the first."""
        if len(self.gallery.index):
            self.controller.current.open(self.gallery.index.id(0))

    def _show_notice(self) -> None:
        if self.controller.session is not None:
            return
        self._stack.setCurrentWidget(self.notice)
        self.file.setText("")
        self.file.setMinimumWidth(0)
        self.zoom.setText("")
        self._show_hint()
        trouble = self.controller.current.trouble
        if trouble is not None:
            self.notice.unreadable(str(trouble))
        elif self.controller.current.wanted is not None:
            self.notice.opening()
        elif len(self.gallery.index):
            self.notice.choose_one()
        elif self.gallery.is_filtered:
            self.notice.nothing_matches()
        else:
            self.notice.no_photos()

    def _show_zoom(self) -> None:
        percent = isolated(f"{100 * self.canvas.zoom:.0f} %")
        self.zoom.setText(percent if self.controller.session else "")

    def _show_hint(self) -> None:
        from gui.canvas.tools.base import all_tools

        there = self.controller.session is not None
        self.hint.setText(all_tools()[self.canvas.tool_id].hint if there else "")
