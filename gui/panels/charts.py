"""Live curves of a run: the loss at every step, Dice and accuracy at every evaluation.

Drawn at most ten times a second and never with more points than a chart has pixels, so that a long
run costs no more than a short one. Knows `RunProgress` and pyqtgraph; knows no process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.language import number_text, separated, tr
from gui.controllers import wording
from gui.controllers.run_progress import RunProgress
from gui.panels.pieces import card, label, row

if TYPE_CHECKING:
    from gui.theme import Theme

Numbers = NDArray[np.float64]
MOST_POINTS = 600
REDRAW_MS = 100
BLUE = "#4a90d9"
"""The accuracy curve: apart from the theme's green and orange for every kind of colour vision."""


def colour_of(theme: Theme, token: str) -> QColor:
    """A theme token's colour, or ``#rrggbb`` as it is."""
    return QColor(token) if token.startswith("#") else theme.colour(token)


def thinned(x: Numbers, y: Numbers, most: int = MOST_POINTS) -> tuple[Numbers, Numbers]:
    """At most ``most`` points: means over runs of neighbours, the last run possibly shorter."""
    if len(x) <= most:
        return x, y
    starts = np.linspace(0, len(x), most, endpoint=False).astype(int)
    sizes = np.diff(np.append(starts, len(x)))
    return np.add.reduceat(x, starts) / sizes, np.add.reduceat(y, starts) / sizes


def smoothed(values: Numbers, window: int) -> Numbers:
    """Mean over the ``window`` values around each, fewer at the ends."""
    if len(values) < 3 or window < 3:
        return values
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low = np.maximum(0, at - window // 2)
    high = np.minimum(len(values), at + window // 2 + 1)
    return np.asarray((total[high] - total[low]) / (high - low))


class Key(QWidget):
    """A dot in the curve's colour, what the curve is, and its latest value."""

    def __init__(self, theme: Theme, token: str, text: str) -> None:
        super().__init__()
        self.value = label("–")
        font = self.value.font()
        font.setBold(True)
        self.value.setFont(font)
        dot = Dot(theme, token)
        self.setLayout(row(dot, label(text, "muted"), self.value, spacing=6))


class Dot(QWidget):
    """A dot in the colour of a theme token, or in ``#rrggbb``."""

    def __init__(self, theme: Theme, token: str) -> None:
        super().__init__()
        self._theme, self._token = theme, token
        self.setFixedSize(QSize(10, 10))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour_of(self._theme, self._token))
        painter.drawEllipse(self.rect().adjusted(1, 1, -1, -1))


class Axis(pg.AxisItem):  # type: ignore[misc]
    """Its figures have the separators of the language; where it counts, they are ``whole``."""

    def __init__(self, side: str, *, whole: bool = False) -> None:
        super().__init__(side)
        self._whole = whole

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        if not self._whole:
            return found
        return [each for each in found if each[0] >= 1] or [(1.0, 0.0)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [separated(text) for text in super().tickStrings(values, scale, spacing)]


class Chart(pg.PlotWidget):  # type: ignore[misc]
    """One quiet chart in the theme's colours: nothing to drag, nothing to click.

    The curves' pens are given by theme token; ``faint`` ones are drawn half transparent.
    ``counts``: along the bottom are whole numbers.
    """

    def __init__(
        self, theme: Theme, x_text: str, y_text: str = "", *, counts: bool = False
    ) -> None:
        super().__init__(axisItems={"left": Axis("left"), "bottom": Axis("bottom", whole=counts)})
        self._theme = theme
        self._curves: list[tuple[Any, str, bool, bool]] = []
        self._x_text, self._y_text = x_text, y_text
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.getAxis("left").setWidth(60 if y_text else 40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(110)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # there is nothing to do in it
        # The page scrolls; a chart must not swallow the wheel.
        self.viewport().installEventFilter(self)
        theme.changed.connect(self.recolour)
        self.recolour()  # before there is a curve as well: pyqtgraph's own ground is black

    def curve(self, token: str, *, faint: bool = False, dots: bool = False) -> Any:
        """A new curve; draw it with its ``setData``."""
        made = self.plot([], [], antialias=True)
        self._curves.append((made, token, faint, dots))
        self.recolour()
        return made

    def recolour(self) -> None:
        theme = self._theme
        self.setBackground(theme.colour("panel"))
        item = self.getPlotItem()
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(theme.colour("border"))
            axis.setTextPen(theme.colour("muted"))
            axis.setStyle(tickLength=0)
        item.setLabel("bottom", self._x_text, color=theme.tokens.muted)
        if self._y_text:
            item.setLabel("left", self._y_text, color=theme.tokens.muted)
        item.showGrid(x=False, y=True, alpha=0.18)
        ratio = self.devicePixelRatioF()  # pyqtgraph counts the width of a line in device pixels
        for made, token, faint, dots in self._curves:
            colour = colour_of(theme, token)
            colour.setAlpha(90 if faint else 255)
            made.setPen(pg.mkPen(colour, width=(1 if faint else 2) * ratio))
            if dots:
                made.setSymbol("o")
                made.setSymbolSize(7)
                made.setSymbolPen(None)
                made.setSymbolBrush(colour)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.recolour()
        return bool(super().event(event))

    def eventFilter(self, _watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return False


class Curves(QWidget):
    """The two charts of a run side by side. ``show_progress`` is cheap: it only marks them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._progress = RunProgress()
        self.loss_key = Key(theme, "warn", tr("Loss"))
        self.dice_key = Key(theme, "accent", tr("Lesion Dice"))
        self.accuracy_key = Key(theme, BLUE, tr("Diseases right"))
        self._loss = Chart(theme, tr("step"), counts=True)
        self._raw = self._loss.curve("warn", faint=True)
        self._mean = self._loss.curve("warn")
        self._held_out = Chart(theme, tr("step"), counts=True)
        self._held_out.setYRange(0, 1, padding=0.04)
        self._dice = self._held_out.curve("accent", dots=True)
        self._accuracy = self._held_out.curve(BLUE, dots=True)
        self.unmeasured = label(
            tr("No labelled leaf is held out for testing, so nothing can be measured."), "muted"
        )
        self.unmeasured.setWordWrap(True)
        self.unmeasured.hide()
        left = card(row(self.loss_key, None), self._loss, margin=12, spacing=4)
        right = card(
            row(self.dice_key, self.accuracy_key, None, spacing=18),
            self.unmeasured,
            self._held_out,
            margin=12,
            spacing=4,
        )
        layout = row(left, right, spacing=12)
        layout.setStretch(0, 1)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._timer.timeout.connect(self.redraw)

    def show_progress(self, progress: RunProgress) -> None:
        """Draw ``progress`` soon; the object may go on growing meanwhile."""
        self._progress = progress
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        """Draw now."""
        progress = self._progress
        x, y = np.array(progress.steps), np.array(progress.losses)
        self._raw.setData(*thinned(x, y))
        mean = smoothed(y, max(3, len(y) // 20))
        self._mean.setData(*thinned(x, mean))
        self.loss_key.value.setText(number_text(float(mean[-1]), ".3f") if len(mean) else "–")
        looks = sorted(progress.evaluations, key=lambda e: e.step)
        end = max([1.0, *(e.step for e in looks), *x[-1:]])
        for chart in (self._loss, self._held_out):
            chart.setXRange(0, end, padding=0.02)
        found = [v for e in looks for v in (e.dice, e.accuracy) if v is not None]
        self.unmeasured.setVisible(bool(looks) and not found)
        steps = [e.step for e in looks]
        for curve, key, values in (
            (self._dice, self.dice_key, [e.dice for e in looks]),
            (self._accuracy, self.accuracy_key, [e.accuracy for e in looks]),
        ):
            curve.setData(*_known(steps, values))
            known = [v for v in values if v is not None]
            text = wording.percent if curve is self._accuracy else wording.dice
            key.value.setText(text(known[-1] if known else None))


def _known(steps: Sequence[float], values: Sequence[float | None]) -> tuple[Numbers, Numbers]:
    pairs = [(s, v) for s, v in zip(steps, values, strict=True) if v is not None]
    found = np.array(pairs, float).reshape(-1, 2)
    return found[:, 0], found[:, 1]
