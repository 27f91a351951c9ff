"""The bar above the photo: the size of the brush, undo, view, save dot.

Knows actions and the canvas's numbers; does nothing by itself.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QToolButton, QWidget

from core.language import tr
from gui.canvas.view import CanvasView
from gui.context import Context
from gui.controllers.saver import Saver, SaveState
from gui.direction import draw_words, turned
from gui.glyph import Glyph
from gui.keys_shown import written
from gui.panels.pieces import label
from gui.plain import plain_tip

ICON = QSize(22, 22)
STEPS = 100
SMALLEST, LARGEST = 0.5, 300.0


def action_button(context: Context, action: str) -> QToolButton:
    """A button that looks and acts as its action."""
    button = QToolButton()
    button.setDefaultAction(context.actions[action])
    button.setIconSize(ICON)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


class LabelBar(QFrame):
    """One row; ``display`` is the button that opens that panel."""

    def __init__(
        self, context: Context, canvas: CanvasView, saver: Saver, *, display: QWidget
    ) -> None:
        super().__init__()
        self.setObjectName("toolbar")
        self._canvas = canvas
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 5, 10, 5)
        row.setSpacing(3)
        self._size = Glyph(context.theme, "mdi6.circle-outline", "muted", side=18)
        row.addWidget(self._size)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setFixedWidth(64)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.setAccessibleName(tr("Brush size"))
        self.slider.valueChanged.connect(self._slid)
        row.addWidget(self.slider)
        self.radius = label("", "muted")
        self.radius.setFixedWidth(44)
        row.addWidget(self.radius)
        row.addStretch(1)
        for action in ("edit.undo", "edit.redo"):
            row.addWidget(action_button(context, action))
        row.addWidget(_rule())
        for action in ("view.fit", "view.masks"):
            row.addWidget(action_button(context, action))
        row.addWidget(display)
        row.addWidget(_rule())
        self.dot = SaveDot(context, saver)
        row.addWidget(self.dot)
        canvas.radiusChanged.connect(lambda _radius: self._show_dial())
        canvas.toleranceChanged.connect(lambda _tolerance: self._show_dial())
        canvas.toolChanged.connect(lambda _tool: self._show_dial())
        self._show_dial()

    @property
    def _is_wand(self) -> bool:
        return self._canvas.gestures.spec.tolerance

    def _slid(self, value: int) -> None:
        if self._is_wand:
            self._canvas.surface.set_tolerance(value)
        else:
            self._canvas.brush_radius = SMALLEST * (LARGEST / SMALLEST) ** (value / STEPS)

    def _show_dial(self) -> None:
        """The size of the brush, or the tolerance while the wand is chosen."""
        from math import log

        radius, tolerance = self._canvas.brush_radius, self._canvas.surface.tolerance
        share = log(radius / SMALLEST) / log(LARGEST / SMALLEST)
        self.slider.blockSignals(True)
        self.slider.setValue(round(tolerance if self._is_wand else STEPS * share))
        self.slider.blockSignals(False)
        self.radius.setText(
            f"± {tolerance:.0f}" if self._is_wand else tr("{value:.0f} px", value=2 * radius)
        )
        less, more = written("["), written("]")
        says = (
            tr("Tolerance:  {less}  and  {more}", less=less, more=more)
            if self._is_wand
            else tr("Brush size:  {less}  and  {more}", less=less, more=more)
        )
        for part in (self._size, self.slider, self.radius):
            part.setToolTip(plain_tip(says))
        self.slider.setAccessibleName(tr("Tolerance") if self._is_wand else tr("Brush size"))


WORDS = {
    SaveState.SAVED: (tr("Saved"), "ok"),
    SaveState.SAVING: (tr("Saving…"), "warn"),
    SaveState.FAILED: (tr("Not saved"), "danger"),
}


class SaveDot(QWidget):
    """Green: on disk. Amber: on its way. Red: not saved; a click tries again."""

    def __init__(self, context: Context, saver: Saver) -> None:
        super().__init__()
        self._context, self._saver = context, saver
        self.setFixedSize(86, 24)
        saver.state_changed.connect(lambda _state: self._follow())
        context.project.opened.connect(self._follow)
        self._follow()

    @property
    def words(self) -> str:
        """What it says now."""
        return tr("Read-only") if self._read_only else WORDS[self._saver.state][0]

    @property
    def _read_only(self) -> bool:
        info = self._context.project.info
        return info is not None and info.read_only

    def _follow(self) -> None:
        self.setToolTip(
            tr("Not saved yet; click to try again.")
            if self._saver.state is SaveState.FAILED
            else tr("Every finished action is written to disk at once.")
        )
        self.setAccessibleName(self.words)
        self.update()

    def mousePressEvent(self, _event: object) -> None:
        if self._saver.state is SaveState.FAILED:
            self._saver.retry_now()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, words = self._context.theme, self.words
        token = "muted" if self._read_only else WORDS[self._saver.state][1]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colour(token)))
        painter.drawEllipse(turned(self, QRect(4, self.height() // 2 - 5, 10, 10)))
        painter.setPen(theme.colour("text" if token == "danger" else "muted"))
        room = self.rect().adjusted(21, 0, 0, 0)
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        draw_words(painter, self, room, words, side)


def _rule() -> QFrame:
    made = QFrame()
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setFixedSize(7, 22)
    return made
