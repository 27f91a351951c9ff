"""Draws notices: a stack of toasts in the lower right corner of a window.

Knows texts and levels; what they mean is the poster's business. Errors stay until closed.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from gui.glyph import Glyph
from gui.notices import Level, Notice, Notices
from gui.theme import Theme

ICONS = {
    Level.INFO: ("mdi6.information-outline", "accent"),
    Level.SUCCESS: ("mdi6.check-circle-outline", "ok"),
    Level.WARNING: ("mdi6.alert-outline", "warn"),
    Level.ERROR: ("mdi6.alert-circle-outline", "danger"),
}
SHOWN_MS = {Level.INFO: 5000, Level.SUCCESS: 4000, Level.WARNING: 10_000, Level.ERROR: 0}
MARGIN, GAP, WIDTH, MOST = 16, 8, 420, 4


class Toast(QFrame):
    """One notice. ``closed`` fires once, when it goes."""

    closed = Signal()

    def __init__(self, notice: Notice, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.notice = notice
        self.setObjectName("toast")
        self.setProperty("level", notice.level.value)
        self.setFixedWidth(WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 6, 8)
        row.setSpacing(10)
        name, token = ICONS[notice.level]
        self.mark = Glyph(theme, name, token, side=20)
        beside = QVBoxLayout()
        beside.addWidget(self.mark)
        row.addLayout(beside)
        text = QLabel(notice.text)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setAlignment(Qt.AlignmentFlag.AlignTop)
        row.addWidget(text, 1)
        if notice.action is not None:
            button = QPushButton(notice.action_text)
            button.clicked.connect(self._act)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        close = QToolButton()
        close.setIcon(theme.icon("mdi6.close", "muted"))
        close.setToolTip(tr("Close"))
        close.setAccessibleName(tr("Close"))
        close.clicked.connect(self.dismiss)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        # The height of a wrapped label depends on the width it will have, and that on the borders
        # and paddings that a style sheet brings when a widget is polished.
        for piece in (self, *self.findChildren(QWidget)):
            piece.ensurePolished()
        # Mark, first line and cross stand level, however many lines follow.
        line = close.sizeHint().height()
        beside.setAlignment(self.mark, Qt.AlignmentFlag.AlignTop)
        beside.setContentsMargins(0, (line - self.mark.height()) // 2, 0, 0)
        text.setContentsMargins(0, (line - text.fontMetrics().height()) // 2, 0, 0)
        self.setFixedHeight(max(44, row.totalHeightForWidth(WIDTH)))

    def dismiss(self) -> None:
        self.hide()
        self.closed.emit()
        self.deleteLater()

    def _act(self) -> None:
        if self.notice.action is not None:
            self.notice.action()
        self.dismiss()


class NoticeView(QObject):
    """Keeps the toasts of one window in their corner."""

    def __init__(self, notices: Notices, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._window = theme, window
        self._toasts: list[Toast] = []
        notices.posted.connect(self.show)
        notices.withdrawn.connect(self._withdraw)
        window.installEventFilter(self)

    @property
    def toasts(self) -> list[Toast]:
        return list(self._toasts)

    def show(self, notice: Notice) -> None:
        for toast in self._toasts:
            if toast.notice == notice:  # the same sentence twice is noise
                return
        toast = Toast(notice, self._theme, self._window)
        toast.closed.connect(lambda: self._gone(toast))
        self._toasts.append(toast)
        for old in self._toasts[:-MOST]:
            old.dismiss()
        self._place()
        toast.show()
        toast.raise_()
        if SHOWN_MS[notice.level] and notice.action is None:
            QTimer.singleShot(SHOWN_MS[notice.level], toast, toast.dismiss)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _withdraw(self, notice: Notice) -> None:
        for toast in self.toasts:
            if toast.notice == notice:
                toast.dismiss()

    def _gone(self, toast: Toast) -> None:
        self._toasts = [t for t in self._toasts if t is not toast]
        self._place()

    def _place(self) -> None:
        bottom = self._window.height() - MARGIN - 24
        for toast in reversed(self._toasts):
            bottom -= toast.height()
            # In the middle: on the right it would lie on the buttons that finish a photo.
            toast.move((self._window.width() - toast.width()) // 2, bottom)
            bottom -= GAP
