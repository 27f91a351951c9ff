"""How much of the leaf is diseased, live: one figure, and a bar for each disease.

Knows figures and colours; counts nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from core.domain.disease import UNNAMED_LESION_COLOUR
from core.geometry.areas import Areas
from gui.gallery.cell import percent
from gui.models.diseases import DiseaseList
from gui.panels.pieces import label
from gui.theme import Theme

LINE = 26


@dataclass(frozen=True)
class Share:
    """One line of the chart; ``value`` is in percent of leaf and lesions together."""

    name: str
    colour: str
    value: float


def shares(figures: Areas, diseases: DiseaseList) -> list[Share]:
    """The diseases that have any lesion, largest first."""
    lines = []
    for disease_id, pixels in figures.diseases.items():
        value = figures.severity_of(disease_id)
        disease = diseases.get(disease_id)
        if value is not None and pixels:
            name = disease.name if disease else "not named"
            colour = disease.colour if disease else UNNAMED_LESION_COLOUR
            lines.append(Share(name, colour, value))
    return sorted(lines, key=lambda s: (-s.value, s.name))


class SeverityPanel(QWidget):
    """``show_figures`` after every edit."""

    def __init__(self, diseases: DiseaseList, theme: Theme) -> None:
        super().__init__()
        self._diseases = diseases
        self.figure = label("–", "figure")
        self.note = label("", "muted", wrap=True)
        self.chart = _Chart(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(label("Severity", "heading"))
        column.addWidget(self.figure)
        column.addWidget(self.note)
        column.addWidget(self.chart)

    def show_figures(self, figures: Areas | None) -> None:
        severity = figures.severity if figures else None
        self.figure.setText("–" if severity is None else percent(severity))
        self.note.setText(_note(figures))
        self.chart.put(shares(figures, self._diseases) if figures else [])


def _note(figures: Areas | None) -> str:
    if figures is None:
        return ""
    if figures.severity is None:
        return "Outline the leaf (L) to see how much of it is diseased."
    return f"{figures.lesion:,} of {figures.cover:,} leaf pixels".replace(",", " ")


class _Chart(QWidget):
    """Bars relative to the largest; the figure says the percentage of the leaf."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lines: list[Share] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def put(self, lines: list[Share]) -> None:
        resized = len(lines) != len(self._lines)
        self._lines = lines
        self.setAccessibleDescription(
            ", ".join(f"{line.name} {percent(line.value)}" for line in lines)
        )
        if resized:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, LINE * len(self._lines) + (4 if self._lines else 0))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        most = max((line.value for line in self._lines), default=1.0)
        for number, line in enumerate(self._lines):
            top = 4 + number * LINE
            painter.setPen(self._theme.colour("text"))
            place = QRectF(0, top, self.width(), 16)
            text = percent(line.value)
            room = self.width() - painter.fontMetrics().horizontalAdvance(text) - 8
            name = painter.fontMetrics().elidedText(line.name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, name)
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, text)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("border"))
            painter.drawRoundedRect(QRectF(0, top + 17, self.width(), 4), 2, 2)
            painter.setBrush(QColor(line.colour))
            width = max(4.0, self.width() * line.value / max(most, 1e-9))
            painter.drawRoundedRect(QRectF(0, top + 17, width, 4), 2, 2)
