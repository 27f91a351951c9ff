"""Small widgets that the Train, Review and Export workspaces share.

Knows layout and the stylesheet's words; knows no run, no photo and no project.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.direction import draw_words
from gui.glyph import Glyph
from gui.plain import plain_tip

if TYPE_CHECKING:
    from gui.theme import Theme


BAR = 12
"""The width of a scroll bar, as in the stylesheet."""


def label(text: str, role: str = "", *, wrap: bool = False) -> QLabel:
    """A plain-text label; ``role`` is a word of the stylesheet ("title", "muted", …)."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


def button(
    text: str, pressed: Callable[[], object], *, primary: bool = False, flat: bool = False
) -> QPushButton:
    """A push button that calls ``pressed``."""
    made = QPushButton(text)
    made.setAutoDefault(False)
    made.setProperty("primary", primary)
    made.setProperty("flat", flat)
    made.clicked.connect(lambda _checked=False: pressed())
    return made


def chip(text: str, pressed: Callable[[], object]) -> QPushButton:
    """A small button that stays pressed."""
    made = button(text, pressed)
    made.setCheckable(True)
    made.setProperty("chip", True)
    return made


def row(*items: QWidget | QLayout | None, spacing: int = 8) -> QHBoxLayout:
    """Side by side; None is a stretch."""
    made = QHBoxLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(spacing)
    _fill(made, items)
    return made


def column(*items: QWidget | QLayout | None, spacing: int = 8, margin: int = 0) -> QVBoxLayout:
    """One below the other; None is a stretch."""
    made = QVBoxLayout()
    made.setContentsMargins(margin, margin, margin, margin)
    made.setSpacing(spacing)
    _fill(made, items)
    return made


def _fill(layout: QHBoxLayout | QVBoxLayout, items: tuple[QWidget | QLayout | None, ...]) -> None:
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, QWidget):
            layout.addWidget(item)
        else:
            layout.addLayout(item)


def in_order(
    acts: Sequence[QPushButton], leave: QPushButton, *, accept: bool = False
) -> QDialogButtonBox:
    """The buttons below a dialog, where this desktop has them in every other dialog.

    ``acts`` are in the order of use; ``accept`` says that they end the dialog as ``leave`` does.
    """
    role = QDialogButtonBox.ButtonRole
    made = QDialogButtonBox()
    for act in acts:
        made.addButton(act, role.AcceptRole if accept else role.ActionRole)
    made.addButton(leave, role.RejectRole)
    return made


def card(*items: QWidget | QLayout | None, margin: int = 16, spacing: int = 10) -> QFrame:
    """A rounded box around ``items``."""
    made = QFrame()
    made.setObjectName("card")
    made.setLayout(column(*items, margin=margin, spacing=spacing))
    return made


class _Area(QScrollArea):
    """Keeps the room of its scroll bar on both sides, so that nothing moves when it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.verticalScrollBar().rangeChanged.connect(self._make_room)
        self._make_room(0, 0)

    def _make_room(self, low: int, high: int) -> None:
        far = 0 if low < high else BAR
        # Qt turns the bar to the other side, and no margin with it.
        left, right = (far, BAR) if self.isRightToLeft() else (BAR, far)
        self.setViewportMargins(left, 0, right, 0)


def scrolled(content: QWidget, *, steady: bool = False) -> QScrollArea:
    """``content`` in a frameless area that scrolls up and down only.

    ``steady`` leaves ``BAR`` pixels free on both sides, whether there is a scroll bar or not.
    """
    area = _Area() if steady else QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    area.viewport().setAutoFillBackground(False)
    content.setAutoFillBackground(False)
    return area


def centred(middle: QWidget) -> QWidget:
    """``middle`` as wide as it may be, in the middle of what there is."""
    made = QWidget()
    layout = row(None, middle, None)
    layout.setStretch(1, 100)
    made.setLayout(layout)
    return made


class Switch(QWidget):
    """Chips of which one is pressed. ``chosen`` carries its number when a person presses it."""

    chosen = Signal(int)

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        for number, title in enumerate(titles):
            self._group.addButton(chip(title, partial(self.chosen.emit, number)), number)
        self._group.button(0).setChecked(True)
        self.setLayout(row(*self._group.buttons(), None, spacing=6))

    @property
    def value(self) -> int:
        return self._group.checkedId()

    def button(self, number: int) -> QAbstractButton:
        return self._group.button(number)


def say(where: QLabel, sentence: str, role: str) -> None:
    """Another sentence in ``where``, as a "danger", say."""
    where.setText(sentence)
    where.setProperty("role", role)
    where.style().polish(where)


class Elided(QLabel):
    """One line that is cut with … where there is no room; the tool tip has all of it.

    A cut line of less than ``least`` pixels is not shown at all.
    """

    def __init__(
        self, text: str = "", role: str = "", *, middle: bool = False, least: int = 0
    ) -> None:
        super().__init__()
        self._least = least
        self._mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._tip()

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._is_cut and self.width() < self._least:
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), self._mode, self.width())
        side = self.alignment() | Qt.AlignmentFlag.AlignVCenter
        draw_words(painter, self, self.rect(), text, side)

    @property
    def _is_cut(self) -> bool:
        return self.fontMetrics().horizontalAdvance(self.text()) > self.width()

    def _tip(self) -> None:
        self.setToolTip(plain_tip(self.text()) if self._is_cut else "")


class Figure(QWidget):
    """A large number over the word that says what it is."""

    def __init__(self, caption: str, value: str = "–") -> None:
        super().__init__()
        self.value = label(value, "figure")
        self.caption = label(caption, "muted")
        self.setLayout(column(self.value, self.caption, spacing=0))

    def put(self, value: str, caption: str = "") -> None:
        self.value.setText(value)
        if caption:
            self.caption.setText(caption)


class Empty(QWidget):
    """What a workspace shows when it has nothing to show: why, and what to press."""

    def __init__(self, theme: Theme, icon: str) -> None:
        super().__init__()
        picture = Glyph(theme, icon, "muted", side=56)
        self.title = label("", "title")
        self.text = label("", "muted", wrap=True)
        self.text.setFixedWidth(460)
        self._press: Callable[[], object] = lambda: None
        self.button = button("", lambda: self._press(), primary=True)
        layout = column(None, picture, self.title, self.text, self.button, None, spacing=12)
        for item in (picture, self.title, self.text, self.button):
            layout.setAlignment(item, Qt.AlignmentFlag.AlignHCenter)
            if isinstance(item, QLabel):
                item.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setLayout(layout)

    def put(
        self,
        title: str,
        text: str,
        press_text: str = "",
        press: Callable[[], object] | None = None,
    ) -> None:
        """``press_text`` "" hides the button."""
        self.title.setText(title)
        self.text.setText(text)
        # A wrapped label that a layout centres is not asked how high it is at its width.
        self.text.ensurePolished()
        self.text.setMinimumHeight(self.text.heightForWidth(self.text.width()))
        self.button.setText(press_text)
        self.button.setVisible(bool(press_text))
        self._press = press or (lambda: None)


class Fold(QWidget):
    """A heading that shows or hides what is under it."""

    def __init__(self, title: str, content: QWidget, *, theme: Theme) -> None:
        super().__init__()
        self._theme, self._content = theme, content
        self.head = QToolButton()
        self.head.setText(title)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setCheckable(True)
        self.head.toggled.connect(self._fold)
        self.setLayout(column(self.head, content, spacing=6))
        self._fold(False)

    def _fold(self, opened: bool) -> None:
        self._content.setVisible(opened)
        self.head.setIcon(self._theme.icon("mdi6.chevron-down" if opened else "mdi6.chevron-right"))


class Problems(QWidget):
    """Sentences that say what stands in the way, one under the other; hidden when none does."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._texts: list[str] = []
        self.setLayout(column(spacing=6))
        self.hide()

    @property
    def texts(self) -> list[str]:
        return list(self._texts)

    def put(self, texts: list[str]) -> None:
        if texts == self._texts:
            return
        self._texts = list(texts)
        layout = self.layout()
        assert layout is not None
        while (item := layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # until it goes it would be painted over the new ones
                widget.deleteLater()
        for text in texts:
            layout.addWidget(self._line(text))
        self.setVisible(bool(texts))

    def _line(self, text: str) -> QWidget:
        mark = Glyph(self._theme, "mdi6.alert-circle-outline", "danger", side=18)
        line = QWidget()
        words = label(text, wrap=True)
        made = row(mark, words)
        made.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        made.setStretch(1, 1)
        line.setLayout(made)
        return line
